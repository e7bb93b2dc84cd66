use std::str::FromStr as _;

use async_trait::async_trait;
use kernel::Env;
use migrate::{HookError, Hooks, Migration, NoHooks, Taken};
use sqlx::postgres::PgConnectOptions;

use crate::{Config, Level, Order, Watch};

/// A backup before migrations of a database that holds something, read to its end before the first statement runs; and
/// another one after the last.
#[derive(Debug, Clone)]
struct Around {
    config: Config,
    /// As the role that backs up; `None`: as the role that migrates.
    reader: Option<PgConnectOptions>,
    /// Who migrates.
    actor: String,
}

impl Around {
    async fn take(&self, database: &PgConnectOptions, label: &str) -> Result<String, crate::Error> {
        let reader = self.reader.as_ref().unwrap_or(database);
        let order = Order { migrating: true, ..Order::of_command(label, &self.actor) };
        let manifest = self.config.backup(reader, &order).await?;
        self.config.verify(&manifest.name, Level::Archive).await?;
        tracing::info!(backup = %manifest.name, rows = manifest.rows(), bytes = manifest.archive.bytes, "backed up");
        Ok(manifest.name.to_string())
    }
}

#[async_trait]
impl Hooks for Around {
    async fn before(
        &self,
        database: &PgConnectOptions,
        _: &[&Migration],
    ) -> Result<Option<Taken>, HookError> {
        let reader = self.reader.as_ref().unwrap_or(database);
        let name = match self.config.still_good(reader).await? {
            Some(name) => {
                tracing::info!(backup = %name, "nothing was written since: no other backup is needed");
                name.to_string()
            }
            None => self.take(database, "before-migration").await?,
        };
        Ok(Some(Taken { restore: format!("nexo db restore {name}") }))
    }

    async fn after(&self, database: &PgConnectOptions, _: &[&Migration]) -> Result<(), HookError> {
        self.take(database, "after-migration").await?;
        Ok(())
    }
}

/// None, for a reason.
#[derive(Debug, Clone)]
struct Without(String);

#[async_trait]
impl Hooks for Without {
    async fn before(&self, _: &PgConnectOptions, _: &[&Migration]) -> Result<Option<Taken>, HookError> {
        tracing::warn!(reason = self.0, "no backup is taken before these migrations");
        Ok(None)
    }

    async fn after(&self, _: &PgConnectOptions, _: &[&Migration]) -> Result<(), HookError> {
        Ok(())
    }
}

/// What a service does around migrations when it starts. Reads `BACKUP_DATABASE_URL`, and what [`around`] and
/// [`Config::read`] read.
pub fn on_boot(env: &mut Env, actor: &str) -> Box<dyn Hooks> {
    let migrates =
        env.parsed("NEXO_MIGRATE_ON_BOOT", true) && env.optional("MIGRATION_DATABASE_URL").is_some();
    if !migrates {
        return Box::new(NoHooks); // it needs neither a place for backups nor the secret that signs them
    }
    let reader = env.optional("BACKUP_DATABASE_URL").and_then(|text| {
        let read = PgConnectOptions::from_str(&text);
        read.map_err(|_| env.mistake("BACKUP_DATABASE_URL", "is not an address of PostgreSQL")).ok()
    });
    around(env, reader, actor, Watch::default())
}

/// What happens around migrations: backups as `reader`, unless `NEXO_MIGRATE_WITHOUT_BACKUP` gives a reason for none.
pub fn around(env: &mut Env, reader: Option<PgConnectOptions>, actor: &str, watch: Watch) -> Box<dyn Hooks> {
    if let Some(reason) = env.optional("NEXO_MIGRATE_WITHOUT_BACKUP") {
        return Box::new(Without(reason));
    }
    let config = Config::read(env).watched(watch);
    Box::new(Around { config, reader, actor: actor.to_owned() })
}
