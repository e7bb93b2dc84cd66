use std::str::FromStr as _;

use async_trait::async_trait;
use kernel::Env;
use migrate::{HookError, Hooks, Migration, NoHooks, TakenBackup};
use sqlx::postgres::PgConnectOptions;

use crate::{BackupRequest, Config, ProgressListener, VerificationLevel};

/// Takes a backup before migrations of a non-empty database, read completely before the first statement runs, and
/// another one after the last migration.
#[derive(Debug, Clone)]
struct BackupAround {
    config: Config,
    /// Connection as the backup role; `None` uses the role that migrates.
    reader: Option<PgConnectOptions>,
    /// Person or service that runs the migrations.
    actor: String,
}

impl BackupAround {
    async fn take(&self, database: &PgConnectOptions, label: &str) -> Result<String, crate::Error> {
        let reader = self.reader.as_ref().unwrap_or(database);
        let order = BackupRequest { migrating: true, ..BackupRequest::of_command(label, &self.actor) };
        let manifest = self.config.backup(reader, &order).await?;
        self.config.verify(&manifest.name, VerificationLevel::Archive).await?;
        tracing::info!(backup = %manifest.name, rows = manifest.rows(), bytes = manifest.archive.bytes, "backed up");
        Ok(manifest.name.to_string())
    }
}

#[async_trait]
impl Hooks for BackupAround {
    async fn before(
        &self,
        database: &PgConnectOptions,
        _: &[&Migration],
    ) -> Result<Option<TakenBackup>, HookError> {
        let reader = self.reader.as_ref().unwrap_or(database);
        let name = match self.config.still_good(reader).await? {
            Some(name) => {
                tracing::info!(backup = %name, "nothing was written since: no other backup is needed");
                name.to_string()
            }
            None => self.take(database, "before-migration").await?,
        };
        Ok(Some(TakenBackup { restore: format!("nexo db restore {name}") }))
    }

    async fn after(&self, database: &PgConnectOptions, _: &[&Migration]) -> Result<(), HookError> {
        self.take(database, "after-migration").await?;
        Ok(())
    }
}

/// Hooks that take no backup; the string is the configured reason.
#[derive(Debug, Clone)]
struct NoBackup(String);

#[async_trait]
impl Hooks for NoBackup {
    async fn before(&self, _: &PgConnectOptions, _: &[&Migration]) -> Result<Option<TakenBackup>, HookError> {
        tracing::warn!(reason = self.0, "no backup is taken before these migrations");
        Ok(None)
    }

    async fn after(&self, _: &PgConnectOptions, _: &[&Migration]) -> Result<(), HookError> {
        Ok(())
    }
}

/// Migration hooks for the start of a service. Reads `BACKUP_DATABASE_URL` and the settings of [`around`] and
/// [`Config::read`].
pub fn on_boot(env: &mut Env, actor: &str) -> Box<dyn Hooks> {
    let migrates =
        env.parsed("NEXO_MIGRATE_ON_BOOT", true) && env.optional("MIGRATION_DATABASE_URL").is_some();
    if !migrates {
        return Box::new(NoHooks); // needs neither a store for backups nor the signing secret
    }
    let reader = env.optional("BACKUP_DATABASE_URL").and_then(|text| {
        let read = PgConnectOptions::from_str(&text);
        read.map_err(|_| env.report("BACKUP_DATABASE_URL", "is not an address of PostgreSQL")).ok()
    });
    around(env, reader, actor, ProgressListener::default())
}

/// Migration hooks that take backups as `reader`, unless `NEXO_MIGRATE_WITHOUT_BACKUP` gives a reason not to.
pub fn around(
    env: &mut Env,
    reader: Option<PgConnectOptions>,
    actor: &str,
    watch: ProgressListener,
) -> Box<dyn Hooks> {
    if let Some(reason) = env.optional("NEXO_MIGRATE_WITHOUT_BACKUP") {
        return Box::new(NoBackup(reason));
    }
    let config = Config::read(env).watched(watch);
    Box::new(BackupAround { config, reader, actor: actor.to_owned() })
}
