//! What there is to permit, and the roles of a new account.

/// Something that permissions are about.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// The first half of a permission.
    pub name: &'static str,
    /// What may be done to it: the second half.
    pub actions: &'static [&'static str],
    /// Whether these are records that the account works with, which have owners; not what administers the account.
    pub records: bool,
    /// In words.
    pub about: &'static str,
}

/// What may be done to records. What has been deleted is in the trash until it is restored, or purged.
const ALL: &[&str] = &["read", "write", "delete", "purge"];
/// To what has no trash.
const PLAIN: &[&str] = &["read", "write", "delete"];

/// Everything that a permission can be about.
pub const SUBJECTS: &[Subject] = &[
    Subject { name: "client", actions: ALL, records: true, about: "whom the account sells to" },
    Subject { name: "contact", actions: ALL, records: true, about: "people at clients and suppliers" },
    Subject { name: "employee", actions: ALL, records: true, about: "people who work for the account" },
    Subject { name: "professional", actions: ALL, records: true, about: "people whom the account books" },
    Subject { name: "booking", actions: ALL, records: true, about: "hours of professionals that are taken" },
    Subject { name: "project", actions: ALL, records: true, about: "what the account does for clients" },
    Subject { name: "supplier", actions: ALL, records: true, about: "whom the account buys from" },
    Subject {
        name: "supplier_relation",
        actions: ALL,
        records: true,
        about: "what suppliers are to one another",
    },
    Subject { name: "task", actions: ALL, records: true, about: "what there is to do" },
    Subject { name: "note", actions: ALL, records: true, about: "what was written down about a record" },
    Subject { name: "activity", actions: ALL, records: true, about: "what was done with a record" },
    Subject { name: "tag", actions: ALL, records: true, about: "words that records are found by" },
    Subject {
        name: "import",
        actions: ALL,
        records: true,
        about: "files of records, and what became of them",
    },
    Subject {
        name: "account",
        actions: &["read", "write"],
        records: false,
        about: "the account itself and its rules",
    },
    Subject {
        name: "member",
        actions: PLAIN,
        records: false,
        about: "people in the account, and what they may do",
    },
    Subject { name: "invitation", actions: PLAIN, records: false, about: "people who are asked to come in" },
    Subject { name: "role", actions: PLAIN, records: false, about: "sets of permissions" },
    Subject { name: "team", actions: ALL, records: false, about: "people who work on each other's records" },
    Subject { name: "api_key", actions: PLAIN, records: false, about: "programs that act in the account" },
    Subject {
        name: "security_event",
        actions: &["read"],
        records: false,
        about: "who came in, and what changed about rights",
    },
    Subject {
        name: "audit_log",
        actions: &["read"],
        records: false,
        about: "everything that was done in the account",
    },
];

pub(crate) fn is_record(name: &str) -> bool {
    SUBJECTS.iter().any(|subject| subject.records && subject.name == name)
}

/// A role that every account has from its first day.
#[derive(Debug, Clone, Copy)]
pub struct StandardRole {
    /// As in tokens and in the role's row.
    pub name: &'static str,
    /// The role of a member's that is greatest in this is the one that is shown.
    pub priority: i32,
    /// What it may do.
    pub permissions: &'static [&'static str],
}

/// The name of the role that founders have, and that only owners give or take.
pub const OWNER: &str = "owner";

/// The roles of a new account; its founder is the owner.
pub const STANDARD_ROLES: &[StandardRole] = &[
    StandardRole { name: OWNER, priority: 100, permissions: &["*:*"] },
    StandardRole { name: "admin", priority: 80, permissions: &["*:*"] },
    StandardRole {
        name: "manager",
        priority: 60,
        permissions: &[
            "*:read",
            "*:write",
            "*:delete",
            "member:read",
            "role:read",
            "team:read",
            "account:read",
        ],
    },
    StandardRole {
        name: "employee",
        priority: 40,
        permissions: &["*:read", "*:write", "member:read", "team:read", "account:read"],
    },
    StandardRole {
        name: "viewer",
        priority: 20,
        permissions: &["*:read", "member:read", "team:read", "account:read"],
    },
];
