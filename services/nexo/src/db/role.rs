use clap::ValueEnum;

/// A role that logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Migrates and restores; row security does not hold for it.
    #[value(name = "nexo_migrator", alias = "migrator")]
    Migrator,
    /// Of crm-service and the gateway.
    #[value(name = "nexo_app", alias = "app")]
    App,
    /// Of auth-service.
    #[value(name = "nexo_auth", alias = "auth")]
    Auth,
    /// Takes events out of the outbox.
    #[value(name = "nexo_relay", alias = "relay")]
    Relay,
    /// Reads every table, and writes nothing; row security does not hold for it.
    #[value(name = "nexo_backup", alias = "backup")]
    Backup,
}

impl Role {
    /// As the server knows it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Migrator => "nexo_migrator",
            Self::App => "nexo_app",
            Self::Auth => "nexo_auth",
            Self::Relay => "nexo_relay",
            Self::Backup => "nexo_backup",
        }
    }

    /// The setting that holds its address.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Self::Migrator => "MIGRATION_DATABASE_URL",
            Self::App => "DATABASE_URL",
            Self::Auth => "AUTH_DATABASE_URL",
            Self::Relay => "RELAY_DATABASE_URL",
            Self::Backup => "BACKUP_DATABASE_URL",
        }
    }

    /// Whether row security holds for it, so that it may be inside one account.
    pub(crate) fn is_confined(self) -> bool {
        matches!(self, Self::App | Self::Auth)
    }
}
