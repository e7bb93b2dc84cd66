use clap::ValueEnum;

/// A database role that can log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Migrates and restores; not subject to row security.
    #[value(name = "nexo_migrator", alias = "migrator")]
    Migrator,
    /// Used by crm-service and the gateway.
    #[value(name = "nexo_app", alias = "app")]
    App,
    /// Used by auth-service only.
    #[value(name = "nexo_auth", alias = "auth")]
    Auth,
    /// Reads and deletes events of the outbox.
    #[value(name = "nexo_relay", alias = "relay")]
    Relay,
    /// Reads every table and writes nothing; not subject to row security.
    #[value(name = "nexo_backup", alias = "backup")]
    Backup,
}

impl Role {
    /// Name of the role in PostgreSQL.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Migrator => "nexo_migrator",
            Self::App => "nexo_app",
            Self::Auth => "nexo_auth",
            Self::Relay => "nexo_relay",
            Self::Backup => "nexo_backup",
        }
    }

    /// Environment variable with the role's URL.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Self::Migrator => "MIGRATION_DATABASE_URL",
            Self::App => "DATABASE_URL",
            Self::Auth => "AUTH_DATABASE_URL",
            Self::Relay => "RELAY_DATABASE_URL",
            Self::Backup => "BACKUP_DATABASE_URL",
        }
    }

    /// True if row security applies to the role, so that it can be confined to one account.
    pub(crate) fn is_confined(self) -> bool {
        matches!(self, Self::App | Self::Auth)
    }
}
