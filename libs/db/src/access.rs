//! Access control on records: which records of an account a person may reach, and which of their fields they may
//! see.

use identity::{Permissions, Scope};
use kernel::{Id, UserId};
use serde_json::Value;
use uuid::Uuid;

use crate::{Refusal, RefusalKind, Resource, Result, TenantTx, subjects};

/// Access scope of a transaction: the records that its statements may reach.
#[derive(Debug, Clone)]
pub(crate) enum AccessScope {
    /// The whole account: the transaction runs for no particular person (system or lookup).
    Whole,
    /// Limited by `permissions`; `acting` is the (resource, action) that the request performs.
    Of { permissions: Permissions, acting: Option<(&'static str, &'static str)> },
}

/// Records of a resource that a person may read, as an SQL condition.
#[derive(Debug)]
pub(crate) enum ReadScope {
    /// Every record of the account.
    Every,
    /// Records that satisfy this SQL condition, ` and …`.
    Where(String),
    None,
}

/// The written record would be outside the writer's access scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "your permission reaches only your own records, or your team's: this one would belong to another member"
)]
pub struct OutsideScope;

impl Refusal for OutsideScope {
    fn code(&self) -> &'static str {
        "outside-scope"
    }

    fn kind(&self) -> RefusalKind {
        RefusalKind::Forbidden
    }
}

/// Fields that cannot be hidden: reading, updating and paging records need them.
const NEVER_HIDDEN: [&str; 3] = ["id", "version", "created_at"];

/// Fields of one resource that the caller may not see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HiddenFields(Vec<String>);

/// View that one person has of one resource; computed before a transaction is open.
#[derive(Debug, Clone)]
pub struct ReadView {
    /// Fields that are hidden from this person.
    pub hidden: HiddenFields,
    pub(crate) reach: AccessScope,
}

impl ReadView {
    /// Computes the view of `R` for a caller with these permissions.
    #[must_use]
    pub fn new<R: Resource>(permissions: &Permissions) -> Self {
        let reach = AccessScope::Of { permissions: permissions.clone(), acting: None };
        Self { hidden: HiddenFields::new::<R>(permissions), reach }
    }
}

/// SQL expression for the transaction's user. Stable within the transaction, so that indexes are usable.
pub(crate) const ME: &str = "nullif(current_setting('app.current_user_id', true), '')::uuid";

impl AccessScope {
    /// Scope for records of `R`: that of the request's action if it acts on `R`, otherwise that of `read`.
    fn scope<R: Resource>(&self) -> Option<Scope> {
        match self {
            Self::Whole => Some(Scope::All),
            Self::Of { permissions, acting: Some((resource, action)) } if *resource == R::NAME => {
                permissions.scope(R::NAME, action)
            }
            Self::Of { permissions, .. } => permissions.scope(R::NAME, "read"),
        }
    }

    /// Whether records of `R` are in scope regardless of their owner.
    pub(crate) fn is_everyones<R: Resource>(&self) -> bool {
        self.scope::<R>() == Some(Scope::All)
    }

    /// Whether every record of `R` is in scope, whatever its owner and its subject.
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

    /// SQL condition (` and …`) that a record of `R` with alias `related` may be read; `None` if none may.
    pub(crate) fn reading<R: Resource>(&self) -> Option<String> {
        self.reading_as::<R>("related", ME)
    }

    /// SQL condition (` and …`) that `person` may read a record of `R` with this alias; `None` if they may read
    /// none.
    pub(crate) fn reading_as<R: Resource>(&self, alias: &str, person: &str) -> Option<String> {
        match self {
            Self::Whole => Some(String::new()),
            Self::Of { permissions, .. } => {
                permissions.scope(R::NAME, "read").map(|scope| self.within::<R>(scope, alias, person))
            }
        }
    }

    /// Records of `R`, with alias `record`, that may be read.
    pub(crate) fn reading_of<R: Resource>(&self) -> ReadScope {
        match self.reading_as::<R>("record", ME) {
            None => ReadScope::None,
            Some(condition) if condition.is_empty() => ReadScope::Every,
            Some(condition) => ReadScope::Where(condition),
        }
    }

    /// SQL condition (` and …`) for the rows of a list of `R`, with alias `record`. A row must be in the scope of
    /// both the action and `read`; otherwise a filter would disclose fields that cannot be read.
    pub(crate) fn listing<R: Resource>(&self) -> String {
        let acting = self.condition_as::<R>("record");
        match self.reading_of::<R>() {
            ReadScope::Every => acting,
            ReadScope::Where(reading) if reading == acting => acting,
            ReadScope::Where(reading) => format!("{acting}{reading}"),
            ReadScope::None => " and false".to_owned(),
        }
    }

    /// Key that describes the caller's view of `R` (scope and hidden fields). Equal keys see the same fields of
    /// the same records, as long as owners and teams do not change.
    pub(crate) fn sight_of<R: Resource>(&self) -> String {
        match self {
            Self::Whole => "whole".to_owned(),
            Self::Of { permissions, .. } => {
                let mut hidden = HiddenFields::new::<R>(permissions).0;
                hidden.sort_unstable();
                format!("{}:{:?}-{}", R::NAME, permissions.scope(R::NAME, "read"), hidden.join(","))
            }
        }
    }

    /// Key that describes all permissions and hidden fields of the caller.
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

    /// Hidden fields of the resource with this name.
    pub(crate) fn hidden_of(&self, resource: &str) -> HiddenFields {
        match self {
            Self::Whole => HiddenFields::default(),
            Self::Of { permissions, .. } => HiddenFields::named(resource, permissions),
        }
    }

    /// SQL condition (` and …`) that a record of `R`, named by its table, is in scope; empty if all are.
    pub(crate) fn condition<R: Resource>(&self) -> String {
        self.condition_as::<R>(R::TABLE)
    }

    /// SQL condition (` and …`) that a record of `R` with this alias is in scope; empty if all are.
    pub(crate) fn condition_as<R: Resource>(&self, alias: &str) -> String {
        match (self, self.scope::<R>()) {
            (Self::Whole, _) => String::new(),
            (_, Some(scope)) => self.within::<R>(scope, alias, ME),
            (_, None) => " and false".to_owned(),
        }
    }

    /// SQL condition (` and …`) that a record is within this scope of `person`, and that they may read its
    /// subject.
    fn within<R: Resource>(&self, scope: Scope, alias: &str, person: &str) -> String {
        let owned = belongs(scope, alias, R::OWNER, person);
        owned + &subjects::condition(R::SUBJECTS, self, alias, person)
    }
}

/// SQL condition (` and …`) that a record belongs to `person` or to a member of one of their teams.
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

/// Reason why a record is outside a member's scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeViolation {
    /// No permission of the member covers the action.
    Action,
    /// The record belongs to another person.
    Owner,
    /// The record is about a subject that the member may not read.
    Subject,
}

/// Explains why `member`, with these permissions, cannot perform `action` on the record; `None` if they can.
/// Records in the trash count too.
pub async fn beyond<R: Resource>(
    tx: &mut TenantTx,
    id: Id<R>,
    member: UserId,
    permissions: &Permissions,
    action: &str,
) -> Result<Option<ScopeViolation>> {
    let Some(scope) = permissions.scope(R::NAME, action) else { return Ok(Some(ScopeViolation::Action)) };
    let theirs = AccessScope::Of { permissions: permissions.clone(), acting: None };
    let text = format!(
        "select coalesce($3::uuid is not null{}, false), coalesce(true{}, false) from app.{} where account_id = $1 and id = $2",
        belongs(scope, R::TABLE, R::OWNER, "$3"),
        subjects::condition(R::SUBJECTS, &theirs, R::TABLE, "$3"),
        R::TABLE
    );
    match tx.built::<(bool, bool)>(text).bind(id).bind(member).optional().await? {
        Some((true, true)) => Ok(None),
        Some((true, false)) => Ok(Some(ScopeViolation::Subject)),
        Some((false, _)) => Ok(Some(ScopeViolation::Owner)),
        None => Err(crate::Error::NotFound(R::NAME)),
    }
}

/// Whether a caller with these permissions may read every record of `R`.
#[must_use]
pub fn reads_all<R: Resource>(permissions: &Permissions) -> bool {
    AccessScope::Of { permissions: permissions.clone(), acting: None }.reads_all::<R>()
}

/// Fails with [`OutsideScope`] unless the record that was just written is in scope.
pub(crate) async fn ensure_in_scope<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Result<()> {
    if tx.reach.is_whole::<R>() || is_in_scope(tx, id).await? { Ok(()) } else { Err(OutsideScope.into()) }
}

/// Fails with [`OutsideScope`] unless every one of these records is in scope.
pub(crate) async fn ensure_all_in_scope<R: Resource>(tx: &mut TenantTx, ids: &[Uuid]) -> Result<()> {
    if tx.reach.is_whole::<R>() {
        return Ok(());
    }
    let condition = tx.reach.condition::<R>();
    let text =
        format!("select count(*) from app.{} where account_id = $1 and id = any($2){condition}", R::TABLE);
    let reached = tx.built::<(i64,)>(text).bind(ids).optional().await?.map(|(count,)| usize::try_from(count));
    if reached == Some(Ok(ids.len())) { Ok(()) } else { Err(OutsideScope.into()) }
}

/// Whether the record, in the trash or not, is in scope.
pub(crate) async fn is_in_scope<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Result<bool> {
    let condition = tx.reach.condition::<R>();
    let text = format!("select true from app.{} where account_id = $1 and id = $2{condition}", R::TABLE);
    Ok(tx.built::<(bool,)>(text).bind(id).optional().await?.is_some())
}

impl HiddenFields {
    /// Fields of `R` that none of the roles behind `permissions` shows.
    #[must_use]
    pub fn new<R: Resource>(permissions: &Permissions) -> Self {
        Self::named(R::NAME, permissions)
    }

    /// Hidden fields of the resource with this name.
    #[must_use]
    pub fn named(resource: &str, permissions: &Permissions) -> Self {
        let hidden = permissions.hidden().iter();
        let own = hidden.filter_map(|field| field.strip_prefix(resource)?.strip_prefix('.'));
        Self(own.filter(|field| !NEVER_HIDDEN.contains(field)).map(ToOwned::to_owned).collect())
    }

    /// Whether no field is hidden.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `field` is hidden from the caller.
    #[must_use]
    pub fn hide(&self, field: &str) -> bool {
        self.0.iter().any(|hidden| hidden == field)
    }

    /// Returns the first hidden field that `value`, an object as the client sent it, contains.
    #[must_use]
    pub fn first_set_in(&self, value: &Value) -> Option<&str> {
        self.0.iter().find(|field| value.get(field).is_some()).map(String::as_str)
    }

    /// Removes the hidden fields from a record or from an object of fields.
    pub fn mask(&self, value: &mut Value) {
        if let Value::Object(fields) = value {
            for field in &self.0 {
                fields.remove(field);
            }
        }
    }
}
