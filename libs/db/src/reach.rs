//! Which records of an account a person may reach, and which of their fields they may see.

use identity::{Permissions, Scope};
use kernel::{Id, UserId};
use serde_json::Value;
use uuid::Uuid;

use crate::{Refusal, Resource, Result, Sort, TenantTx, subjects};

/// How far the person of a transaction reaches.
#[derive(Debug, Clone)]
pub(crate) enum Reach {
    /// Everywhere in the account: the transaction is nobody's in particular.
    Whole,
    /// As far as these permissions say; `acting` is what the request does to which resource.
    Of { permissions: Permissions, acting: Option<(&'static str, &'static str)> },
}

/// Which records of a resource a person may read.
#[derive(Debug)]
pub(crate) enum Reading {
    /// Every record of the account.
    Every,
    /// Those for which this condition, ` and …`, holds.
    Where(String),
    /// None.
    None,
}

/// A record would be beyond the reach of whoever writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("your permission reaches only your own records, or your team's: this one would be somebody else's")]
pub struct BeyondReach;

impl Refusal for BeyondReach {
    fn code(&self) -> &'static str {
        "outside-scope"
    }

    fn sort(&self) -> Sort {
        Sort::Forbidden
    }
}

/// Without these a record can neither be asked for again, nor be changed, nor stand in a list.
const NEVER_HIDDEN: [&str; 3] = ["id", "version", "created_at"];

/// The fields of a resource that somebody may not see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hidden(Vec<String>);

/// What one person sees of one resource, known before there is a transaction.
#[derive(Debug, Clone)]
pub struct View {
    /// The fields that they do not see.
    pub hidden: Hidden,
    pub(crate) reach: Reach,
}

impl View {
    /// Of `R`, as somebody with these permissions has it.
    #[must_use]
    pub fn of<R: Resource>(permissions: &Permissions) -> Self {
        let reach = Reach::Of { permissions: permissions.clone(), acting: None };
        Self { hidden: Hidden::of::<R>(permissions), reach }
    }
}

/// Whoever the transaction was opened for. Stable within it, so that an index answers.
pub(crate) const ME: &str = "nullif(current_setting('app.current_user_id', true), '')::uuid";

impl Reach {
    /// How far a request reaches among the records of `R`: by what it does to them, or by seeing what it refers to.
    fn scope<R: Resource>(&self) -> Option<Scope> {
        match self {
            Self::Whole => Some(Scope::All),
            Self::Of { permissions, acting: Some((resource, action)) } if *resource == R::NAME => {
                permissions.scope(R::NAME, action)
            }
            Self::Of { permissions, .. } => permissions.scope(R::NAME, "read"),
        }
    }

    /// Whether records of `R` are in reach whoever owns them.
    pub(crate) fn is_everyones<R: Resource>(&self) -> bool {
        self.scope::<R>() == Some(Scope::All)
    }

    /// Whether every record of `R` is in reach.
    pub(crate) fn is_whole<R: Resource>(&self) -> bool {
        self.is_everyones::<R>() && subjects::are_whole(R::SUBJECTS, self)
    }

    /// Whether every record of `R` may be read.
    pub(crate) fn reads_all<R: Resource>(&self) -> bool {
        let all = match self {
            Self::Whole => true,
            Self::Of { permissions, .. } => permissions.scope(R::NAME, "read") == Some(Scope::All),
        };
        all && subjects::are_whole(R::SUBJECTS, self)
    }

    /// ` and …`: the condition that a record of `R`, which the statement calls `related`, may be read; `None`: none may.
    pub(crate) fn reading<R: Resource>(&self) -> Option<String> {
        self.reading_as::<R>("related", ME)
    }

    /// The same of one that the statement calls `alias`, and of `person`.
    pub(crate) fn reading_as<R: Resource>(&self, alias: &str, person: &str) -> Option<String> {
        match self {
            Self::Whole => Some(String::new()),
            Self::Of { permissions, .. } => {
                permissions.scope(R::NAME, "read").map(|scope| self.within::<R>(scope, alias, person))
            }
        }
    }

    /// Which records of `R`, which the statement calls `record`, may be read.
    pub(crate) fn reading_of<R: Resource>(&self) -> Reading {
        match self.reading_as::<R>("record", ME) {
            None => Reading::None,
            Some(condition) if condition.is_empty() => Reading::Every,
            Some(condition) => Reading::Where(condition),
        }
    }

    /// ` and …`: the condition that a list holds a record of `R`, which the statement calls `record`, whatever the request
    /// does to those that it names: both the action and reading must reach it. Otherwise a filter would tell of fields that
    /// cannot be read.
    pub(crate) fn listing<R: Resource>(&self) -> String {
        let acting = self.condition_as::<R>("record");
        match self.reading_of::<R>() {
            Reading::Every => acting,
            Reading::Where(reading) if reading == acting => acting,
            Reading::Where(reading) => format!("{acting}{reading}"),
            Reading::None => " and false".to_owned(),
        }
    }

    /// In one word, what the person sees of `R`, or of everything: two equal ones see the same fields of the same records,
    /// as long as nobody's records and teams change.
    pub(crate) fn sight_of<R: Resource>(&self) -> String {
        match self {
            Self::Whole => "whole".to_owned(),
            Self::Of { permissions, .. } => {
                let mut hidden = Hidden::of::<R>(permissions).0;
                hidden.sort_unstable();
                format!("{}:{:?}-{}", R::NAME, permissions.scope(R::NAME, "read"), hidden.join(","))
            }
        }
    }

    /// The same of everything that the person may do.
    pub(crate) fn sight(&self) -> String {
        match self {
            Self::Whole => "whole".to_owned(),
            Self::Of { permissions, .. } => {
                let (mut held, mut hidden) = (permissions.to_texts(), permissions.hidden().to_vec());
                held.sort_unstable();
                hidden.sort_unstable();
                format!("{}-{}", held.join(","), hidden.join(","))
            }
        }
    }

    /// The fields of a resource that are not shown.
    pub(crate) fn hidden_of(&self, resource: &str) -> Hidden {
        match self {
            Self::Whole => Hidden::default(),
            Self::Of { permissions, .. } => Hidden::named(resource, permissions),
        }
    }

    /// ` and …`: the condition that a record of `R`, which the statement calls by its table, is in reach; empty for all.
    pub(crate) fn condition<R: Resource>(&self) -> String {
        self.condition_as::<R>(R::PLURAL)
    }

    /// The same of one that the statement calls `alias`.
    pub(crate) fn condition_as<R: Resource>(&self, alias: &str) -> String {
        match (self, self.scope::<R>()) {
            (Self::Whole, _) => String::new(),
            (_, Some(scope)) => self.within::<R>(scope, alias, ME),
            (_, None) => " and false".to_owned(),
        }
    }

    /// ` and …`: the condition that a record is within this scope of `person`, and what it is about may be read by them.
    fn within<R: Resource>(&self, scope: Scope, alias: &str, person: &str) -> String {
        let owned = belongs(scope, alias, R::OWNER, person);
        owned + &subjects::condition(R::SUBJECTS, self, alias, person)
    }
}

/// ` and …`: the condition that a record belongs to `person`, or to one of their teams.
fn belongs(scope: Scope, record: &str, owner: &str, person: &str) -> String {
    match scope {
        Scope::All => String::new(),
        Scope::Own => format!(" and {record}.{owner} = {person}"),
        Scope::Team => format!(
            " and ({record}.{owner} = {person} or {record}.{owner} in (
                 select mate.user_id from app.team_members mine
                 join app.teams team on team.account_id = mine.account_id and team.id = mine.team_id and team.deleted_at is null
                 join app.team_members mate on mate.account_id = mine.account_id and mate.team_id = mine.team_id
                 where mine.account_id = $1 and mine.user_id = {person}))"
        ),
    }
}

/// Why a record is beyond somebody's reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// Nothing permits them that.
    Action,
    /// It belongs to somebody else.
    Owner,
    /// It is about a record that they may not read.
    Subject,
}

/// Why `member`, who has these permissions, cannot do `action` to the record, be it in the trash or not; `None`: they can.
pub async fn beyond<R: Resource>(
    tx: &mut TenantTx,
    id: Id<R>,
    member: UserId,
    permissions: &Permissions,
    action: &str,
) -> Result<Option<Beyond>> {
    let Some(scope) = permissions.scope(R::NAME, action) else { return Ok(Some(Beyond::Action)) };
    let theirs = Reach::Of { permissions: permissions.clone(), acting: None };
    let text = format!(
        "select coalesce($3::uuid is not null{}, false), coalesce(true{}, false) from app.{} where account_id = $1 and id = $2",
        belongs(scope, R::PLURAL, R::OWNER, "$3"),
        subjects::condition(R::SUBJECTS, &theirs, R::PLURAL, "$3"),
        R::PLURAL
    );
    match tx.built::<(bool, bool)>(text).bind(id).bind(member).optional().await? {
        Some((true, true)) => Ok(None),
        Some((true, false)) => Ok(Some(Beyond::Subject)),
        Some((false, _)) => Ok(Some(Beyond::Owner)),
        None => Err(crate::Error::NotFound(R::NAME)),
    }
}

/// Whether somebody with these permissions reads every record of `R`.
#[must_use]
pub fn reads_all<R: Resource>(permissions: &Permissions) -> bool {
    Reach::Of { permissions: permissions.clone(), acting: None }.reads_all::<R>()
}

/// Fails with [`BeyondReach`] unless the record that was just written is in reach.
pub(crate) async fn stays<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Result<()> {
    if tx.reach.is_whole::<R>() || is_reached(tx, id).await? { Ok(()) } else { Err(BeyondReach.into()) }
}

/// The same of many: fails unless every one of them is in reach.
pub(crate) async fn all_stay<R: Resource>(tx: &mut TenantTx, ids: &[Uuid]) -> Result<()> {
    if tx.reach.is_whole::<R>() {
        return Ok(());
    }
    let condition = tx.reach.condition::<R>();
    let text =
        format!("select count(*) from app.{} where account_id = $1 and id = any($2){condition}", R::PLURAL);
    let reached = tx.built::<(i64,)>(text).bind(ids).optional().await?.map(|(count,)| usize::try_from(count));
    if reached == Some(Ok(ids.len())) { Ok(()) } else { Err(BeyondReach.into()) }
}

/// Whether the record, in the trash or not, is in reach.
pub(crate) async fn is_reached<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Result<bool> {
    let condition = tx.reach.condition::<R>();
    let text = format!("select true from app.{} where account_id = $1 and id = $2{condition}", R::PLURAL);
    Ok(tx.built::<(bool,)>(text).bind(id).optional().await?.is_some())
}

impl Hidden {
    /// Those of `R` that none of the roles behind `permissions` shows.
    #[must_use]
    pub fn of<R: Resource>(permissions: &Permissions) -> Self {
        Self::named(R::NAME, permissions)
    }

    /// The same of the resource of this name.
    #[must_use]
    pub fn named(resource: &str, permissions: &Permissions) -> Self {
        let hidden = permissions.hidden().iter();
        let own = hidden.filter_map(|field| field.strip_prefix(resource)?.strip_prefix('.'));
        Self(own.filter(|field| !NEVER_HIDDEN.contains(field)).map(ToOwned::to_owned).collect())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `field` is one of them.
    #[must_use]
    pub fn hide(&self, field: &str) -> bool {
        self.0.iter().any(|hidden| hidden == field)
    }

    /// The first of them that `value`, an object as it was sent, names.
    #[must_use]
    pub fn named_by(&self, value: &Value) -> Option<&str> {
        self.0.iter().find(|field| value.get(field).is_some()).map(String::as_str)
    }

    /// Takes them out of a record, or out of the fields of one.
    pub fn mask(&self, value: &mut Value) {
        if let Value::Object(fields) = value {
            for field in &self.0 {
                fields.remove(field);
            }
        }
    }
}
