//! What the rows of a table are to whoever reads the history of an account, and hears of its events.

/// A table whose rows are records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// With its schema.
    pub table: &'static str,
    /// `crm` or `auth`: the first part of its events' topics.
    pub area: &'static str,
    /// As in `app.audit_log`.
    pub resource: &'static str,
    /// The column with its identity.
    pub id: &'static str,
}

const fn crm(table: &'static str, resource: &'static str) -> Recorded {
    Recorded { table, area: "crm", resource, id: "id" }
}

const fn auth(table: &'static str, resource: &'static str, id: &'static str) -> Recorded {
    Recorded { table, area: "auth", resource, id }
}

/// The account itself: it gets one entry for the restore as such.
pub(super) const ACCOUNTS: &str = "app.accounts";
pub(super) const MEMBERSHIPS: &str = "app.memberships";

/// All of them. A table with `version` that is not here would come back without history: a test holds this against the
/// catalogue.
pub const RECORDED: &[Recorded] = &[
    auth(ACCOUNTS, "account", "account_id"),
    auth(MEMBERSHIPS, "member", "user_id"),
    auth("app.roles", "role", "id"),
    auth("app.teams", "team", "id"),
    auth("app.invitations", "invitation", "id"),
    crm("app.clients", "client"),
    crm("app.contacts", "contact"),
    crm("app.suppliers", "supplier"),
    crm("app.supplier_relations", "supplier_relation"),
    crm("app.employees", "employee"),
    crm("app.projects", "project"),
    crm("app.tasks", "task"),
    crm("app.notes", "note"),
    crm("app.activities", "activity"),
    crm("app.professionals", "professional"),
    crm("app.bookings", "booking"),
    crm("app.tags", "tag"),
    crm("app.imports", "import"),
];

/// What a table without records of its own belongs to: a change of such a row is a change of that record.
///
/// The table, the column that names the record, and the record's table; `None`: the column `subject_type` tells.
pub(super) const BELONGING: &[(&str, &str, Option<&str>)] = &[
    ("app.member_roles", "user_id", Some(MEMBERSHIPS)),
    ("app.team_members", "team_id", Some("app.teams")),
    ("app.record_tags", "subject_id", None),
];

pub(super) fn of(table: &str) -> Option<&'static Recorded> {
    RECORDED.iter().find(|one| one.table == table)
}
