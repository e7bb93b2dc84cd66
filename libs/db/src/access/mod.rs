//! Access control on records: which records of an account a person may reach, and which of their fields they may
//! see. This is the only place that says in SQL who reaches what.

mod hidden;
mod roles;
mod subjects;

use identity::{Permissions, Scope};

pub use hidden::HiddenFields;

use crate::{Refusal, RefusalKind};

/// What access control has to know of a resource: how permissions name it, and where its owners and subjects stand.
#[derive(Debug, Clone, Copy)]
pub struct AccessTarget {
    /// Name in permissions, such as `supplier`.
    pub name: &'static str,
    /// Name of the table in schema `app`.
    pub table: &'static str,
    /// Column with the member who owns a record.
    pub owner: &'static str,
    /// Kinds of records that its records can be about, by `subject_type` (the kind's name) and `subject_id`. A record is
    /// in scope only if its subject may be read. Empty for resources without a subject.
    pub subjects: &'static [AccessTarget],
}

/// Access scope of a transaction: the records that its statements may reach. Without a limit it is the whole account: the
/// transaction runs for no particular person (system or lookup).
#[derive(Debug, Clone)]
pub struct AccessScope(Option<Limit>);

/// Limits a scope by the permissions of a person.
#[derive(Debug, Clone)]
struct Limit {
    permissions: Permissions,
    /// Resource and action that the request performs.
    acting: Option<(&'static str, &'static str)>,
}

/// Records of a resource that a person may read, as an SQL condition.
#[derive(Debug)]
pub enum ReadScope {
    /// Every record of the account.
    Every,
    /// Records that satisfy this SQL condition, ` and …`.
    Where(String),
    /// No record at all.
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

/// View that one person has of one resource; computed before a transaction is open.
#[derive(Debug, Clone)]
pub struct ReadView {
    /// Fields that are hidden from this person.
    pub hidden: HiddenFields,
    /// Scope of the person's permissions.
    pub scope: AccessScope,
}

impl ReadView {
    /// Computes the view of the resource with this name for a caller with these permissions.
    #[must_use]
    pub fn new(resource: &str, permissions: &Permissions) -> Self {
        let scope = AccessScope::new(permissions.clone());
        Self { hidden: HiddenFields::named(resource, permissions), scope }
    }
}

/// SQL expression for the transaction's user. Stable within the transaction, so that indexes are usable.
pub const ME: &str = "nullif(current_setting('app.current_user_id', true), '')::uuid";

impl AccessScope {
    /// The whole account.
    pub(crate) const WHOLE: Self = Self(None);

    /// Scope of a person with these permissions who reads.
    #[must_use]
    pub fn new(permissions: Permissions) -> Self {
        Self(Some(Limit { permissions, acting: None }))
    }

    /// Sets the action that the request performs on records of `resource`.
    pub(crate) fn act(&mut self, resource: &'static str, action: &'static str) {
        if let Some(limit) = &mut self.0 {
            limit.acting = Some((resource, action));
        }
    }

    /// Scope for records of `target`: that of the request's action if it acts on them, otherwise that of `read`.
    fn scope(&self, target: &AccessTarget) -> Option<Scope> {
        match &self.0 {
            None => Some(Scope::All),
            Some(Limit { permissions, acting: Some((resource, action)) }) if *resource == target.name => {
                permissions.scope(target.name, action)
            }
            Some(Limit { permissions, .. }) => permissions.scope(target.name, "read"),
        }
    }

    /// Scope for reading records of `target`, whatever the request's action.
    fn read_scope(&self, target: &AccessTarget) -> Option<Scope> {
        match &self.0 {
            None => Some(Scope::All),
            Some(limit) => limit.permissions.scope(target.name, "read"),
        }
    }

    /// Whether records of `target` are in scope regardless of their owner.
    #[must_use]
    pub fn is_everyones(&self, target: &AccessTarget) -> bool {
        self.scope(target) == Some(Scope::All)
    }

    /// Whether every record of `target` is in scope, whatever its owner and its subject.
    #[must_use]
    pub fn is_whole(&self, target: &AccessTarget) -> bool {
        self.is_everyones(target) && subjects::are_whole(target.subjects, self)
    }

    /// Whether every record of `target` may be read.
    #[must_use]
    pub fn reads_all(&self, target: &AccessTarget) -> bool {
        self.read_scope(target) == Some(Scope::All) && subjects::are_whole(target.subjects, self)
    }

    /// SQL condition (` and …`) that a record of `target` with alias `related` may be read; `None` if none may.
    #[must_use]
    pub fn reading(&self, target: &AccessTarget) -> Option<String> {
        self.reading_as(target, "related", ME)
    }

    /// SQL condition (` and …`) that `person` may read a record of `target` with this alias; `None` if they may read
    /// none.
    #[must_use]
    pub fn reading_as(&self, target: &AccessTarget, alias: &str, person: &str) -> Option<String> {
        self.read_scope(target).map(|scope| self.within(target, scope, alias, person))
    }

    /// Records of `target`, with alias `record`, that may be read.
    #[must_use]
    pub fn reading_of(&self, target: &AccessTarget) -> ReadScope {
        match self.reading_as(target, "record", ME) {
            None => ReadScope::None,
            Some(condition) if condition.is_empty() => ReadScope::Every,
            Some(condition) => ReadScope::Where(condition),
        }
    }

    /// SQL condition (` and …`) for the rows of a list of `target`, with alias `record`. A row must be in the scope of
    /// both the action and `read`; otherwise a filter would disclose fields that cannot be read.
    #[must_use]
    pub fn listing(&self, target: &AccessTarget) -> String {
        let acting = self.condition_as(target, "record");
        match self.reading_of(target) {
            ReadScope::Every => acting,
            ReadScope::Where(reading) if reading == acting => acting,
            ReadScope::Where(reading) => format!("{acting}{reading}"),
            ReadScope::None => " and false".to_owned(),
        }
    }

    /// Key that describes the caller's view of `target` (scope and hidden fields). Equal keys see the same fields of
    /// the same records, as long as owners and teams do not change.
    #[must_use]
    pub fn sight_of(&self, target: &AccessTarget) -> String {
        let Some(Limit { permissions, .. }) = &self.0 else { return "whole".to_owned() };
        let hidden = HiddenFields::named(target.name, permissions).sorted();
        format!("{}:{:?}-{}", target.name, permissions.scope(target.name, "read"), hidden.join(","))
    }

    /// Key that describes all permissions and hidden fields of the caller.
    #[must_use]
    pub fn sight(&self) -> String {
        let Some(Limit { permissions, .. }) = &self.0 else { return "whole".to_owned() };
        let (mut held, mut hidden) = (permissions.to_texts(), permissions.hidden().to_vec());
        held.sort_unstable();
        hidden.sort_unstable();
        format!("{}-{}", held.join(","), hidden.join(","))
    }

    /// Hidden fields of the resource with this name.
    #[must_use]
    pub fn hidden_of(&self, resource: &str) -> HiddenFields {
        let limit = self.0.as_ref();
        limit.map(|limit| HiddenFields::named(resource, &limit.permissions)).unwrap_or_default()
    }

    /// SQL condition (` and …`) that a record of `target`, named by its table, is in scope; empty if all are.
    #[must_use]
    pub fn condition(&self, target: &AccessTarget) -> String {
        self.condition_as(target, target.table)
    }

    /// SQL condition (` and …`) that a record of `target` with this alias is in scope; empty if all are.
    #[must_use]
    pub fn condition_as(&self, target: &AccessTarget, alias: &str) -> String {
        match self.scope(target) {
            Some(scope) => self.within(target, scope, alias, ME),
            None => " and false".to_owned(),
        }
    }

    /// SQL condition (` and …`) that a row's subject (`subject_type`, `subject_id`) is of one of these kinds and may be
    /// read by the transaction's user.
    pub(crate) fn about(&self, kinds: &[AccessTarget], alias: &str) -> String {
        subjects::condition(kinds, self, alias, ME)
    }

    /// SQL conditions (` and …` each) that a record, named by its table, belongs to `person` within `scope`, and that
    /// they may read its subject.
    pub(crate) fn judging(&self, target: &AccessTarget, scope: Scope, person: &str) -> [String; 2] {
        [
            belongs(scope, target.table, target.owner, person),
            subjects::condition(target.subjects, self, target.table, person),
        ]
    }

    /// SQL condition (` and …`) that a record is within this scope of `person`, and that they may read its
    /// subject.
    fn within(&self, target: &AccessTarget, scope: Scope, alias: &str, person: &str) -> String {
        belongs(scope, alias, target.owner, person)
            + &subjects::condition(target.subjects, self, alias, person)
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
