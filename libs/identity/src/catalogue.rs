//! Catalogue of permissions, and the standard roles of a new account.

/// A resource that permissions refer to.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// Resource name: the first half of a permission.
    pub name: &'static str,
    /// Actions on the resource: the second half of a permission.
    pub actions: &'static [&'static str],
    /// Whether the resource consists of records with owners, as opposed to administration of the account.
    pub records: bool,
    /// Description of the resource.
    pub about: &'static str,
}

/// Actions on records. Deleted records stay in the trash until they are restored or purged.
const ALL: &[&str] = &["read", "write", "delete", "purge"];
/// Actions on resources without a trash.
const PLAIN: &[&str] = &["read", "write", "delete"];

/// All resources that permissions can refer to.
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

/// A role that every new account has.
#[derive(Debug, Clone, Copy)]
pub struct StandardRole {
    /// Name in tokens and in the role's row.
    pub name: &'static str,
    /// Display priority: of a member's roles, the one with the highest priority is shown.
    pub priority: i32,
    /// Permissions of the role.
    pub permissions: &'static [&'static str],
}

/// Name of the founders' role, which only owners can grant or revoke.
pub const OWNER: &str = "owner";

/// Standard roles of a new account; its founder is the owner.
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
