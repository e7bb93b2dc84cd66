//! Mapping from tables to the resources in an account's audit log and events.

/// A table whose rows are audited records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordTable {
    /// Qualified name of the table.
    pub table: &'static str,
    /// First part of its event topics: `crm` or `auth`.
    pub area: &'static str,
    /// Resource name in `app.audit_log`.
    pub resource: &'static str,
    /// Column with the record's id.
    pub id: &'static str,
}

const fn crm(table: &'static str, resource: &'static str) -> RecordTable {
    RecordTable { table, area: "crm", resource, id: "id" }
}

const fn auth(table: &'static str, resource: &'static str, id: &'static str) -> RecordTable {
    RecordTable { table, area: "auth", resource, id }
}

/// The account itself, which gets one entry for the whole restore.
pub(super) const ACCOUNTS: &str = "app.accounts";
pub(super) const MEMBERSHIPS: &str = "app.memberships";

/// All such tables. A versioned table missing here would be restored without history; a test compares the list
/// with the catalogue.
pub const RECORDED: &[RecordTable] = &[
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

/// Parents of tables without records of their own: a change of such a row is a change of the parent record.
///
/// Each entry has the table, the column with the parent's id, and the parent's table. With `None` the column
/// `subject_type` determines it.
pub(super) const BELONGING: &[(&str, &str, Option<&str>)] = &[
    ("app.member_roles", "user_id", Some(MEMBERSHIPS)),
    ("app.team_members", "team_id", Some("app.teams")),
    ("app.record_tags", "subject_id", None),
];

pub(super) fn find(table: &str) -> Option<&'static RecordTable> {
    RECORDED.iter().find(|one| one.table == table)
}
