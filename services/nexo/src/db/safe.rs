//! `nexo db migrate --safe`: backup → compare → lint → apply → verify → backup; stops at the first failure.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use migrate::{
    Event, HookError, Hooks, Listener, Migration, Migrations, RunOptions, TakenBackup, Version, diff,
    examine, migrate,
};
use sqlx::postgres::PgConnectOptions;

use super::{Context, backup_args::BackupArgs, lint, run_summary, temp_server::TempServer};
use crate::output;

pub(super) async fn run(
    context: &mut Context,
    settings: &RunOptions,
    without_backup: Option<&str>,
) -> anyhow::Result<bool> {
    let migrations = context.migrations()?;
    let target = context.target().await?;
    let _alone = target.alone_if_possible("nexo db migrate --safe", settings.lock_wait).await?;
    let backups = match without_backup {
        Some(_) => None,
        None => Some(BackupArgs::default().hooks(context, &target)?),
    };
    let scratch = TempServer::like(&target.migrator, &context.env).await;
    let steps = Steps {
        backups,
        reason: without_backup.unwrap_or_default().to_owned(),
        migrations: migrations.clone(),
        lint: TempServer::like(&target.migrator, &context.env).await?,
        verify: scratch?,
        taken: Mutex::default(),
        applied: Arc::default(),
    };
    let settings = RunOptions { listener: steps.listener(), ..settings.clone() };
    let work = async {
        let done = migrate(&target.migrator, &migrations, &steps, &settings).await;
        done.map_err(|failed| {
            let way_back = steps.way_back(failed.leaves_part());
            anyhow::Error::from(failed).context(way_back)
        })
    };
    let done = target.record("migrate safely", work).await;
    target.leave().await?;
    run_summary::show(context, &done?, &[])
}

struct Steps {
    backups: Option<Box<dyn Hooks>>,
    reason: String,
    migrations: Migrations,
    /// Temporary server on which pending files are tried.
    lint: TempServer,
    /// Temporary server with the expected schema, for comparisons before and after.
    verify: TempServer,
    taken: Mutex<Option<TakenBackup>>,
    /// Versions that were applied by this run.
    applied: Arc<Mutex<Vec<Version>>>,
}

impl Steps {
    fn listener(&self) -> Listener {
        let applied = Arc::clone(&self.applied);
        Listener::new(move |event| {
            output::note(&event.to_string());
            if let (Event::Applied { version, .. }, Ok(mut applied)) = (event, applied.lock()) {
                applied.push(version.clone());
            }
        })
    }

    /// Recovery options after a failure. A restore is only suggested if something was changed, because it loses later
    /// writes.
    fn way_back(&self, part: bool) -> String {
        let applied = self.applied.lock().map(|applied| applied.clone()).unwrap_or_default();
        let done = match applied.as_slice() {
            [] if part => "stopped; a part of one file is applied".to_owned(),
            [] => return "stopped; nothing was applied, and nothing is to be undone".to_owned(),
            all => {
                let all: Vec<_> = all.iter().map(ToString::to_string).collect();
                format!("stopped; {} is applied, and stays", all.join(", "))
            }
        };
        match self.taken.lock().ok().and_then(|taken| taken.clone()) {
            Some(TakenBackup { restore }) => format!(
                "{done}. Put the cause right and migrate again; or go back, which loses what was written since: {restore}"
            ),
            None => {
                format!("{done}. Put the cause right and migrate again. No backup was taken by this command")
            }
        }
    }

    async fn lint(&self, pending: &[&Migration]) -> Result<(), HookError> {
        let chosen: BTreeSet<String> = pending.iter().map(|migration| migration.file().to_owned()).collect();
        let mut found = migration_lint::check(&self.migrations);
        found.extend(lint::rehearse(&self.lint, &self.migrations, &chosen).await?);
        let found = lint::report(&self.migrations, &chosen, found, true);
        let lines: String = found.iter().map(|finding| format!("\n  {finding}")).collect();
        if found.is_empty() { Ok(()) } else { Err(format!("the linter found:{lines}").into()) }
    }

    /// Drift that existed before must not be attributed to the migrations.
    async fn compare(&self, database: &PgConnectOptions) -> Result<(), HookError> {
        let drift = diff(database, &self.migrations, &self.verify.migrator).await?;
        let lines: String = drift.differences.iter().map(|line| format!("\n  {line}")).collect();
        if lines.is_empty() {
            Ok(())
        } else {
            Err(format!("the catalogue is not what its migrations give:{lines}").into())
        }
    }

    async fn verify(&self, database: &PgConnectOptions) -> Result<(), HookError> {
        let examined = examine(database, &self.migrations, Some(&self.verify.migrator)).await?;
        let lines: String = examined.problems().iter().map(|line| format!("\n  {line}")).collect();
        if lines.is_empty() {
            Ok(())
        } else {
            Err(format!("the database is not as it should be:{lines}").into())
        }
    }
}

#[async_trait]
impl Hooks for Steps {
    async fn before(
        &self,
        database: &PgConnectOptions,
        pending: &[&Migration],
    ) -> Result<Option<TakenBackup>, HookError> {
        let taken = if let Some(backups) = &self.backups {
            output::note("backup");
            backups.before(database, pending).await?
        } else {
            output::note(&format!("no backup is taken; reason: {}", self.reason));
            None
        };
        if let Ok(mut kept) = self.taken.lock() {
            kept.clone_from(&taken);
        }
        output::note("compare");
        self.compare(database).await?;
        output::note("lint");
        self.lint(pending).await?;
        output::note("apply");
        Ok(taken)
    }

    async fn after(&self, database: &PgConnectOptions, applied: &[&Migration]) -> Result<(), HookError> {
        output::note("verify");
        self.verify(database).await?;
        if let Some(backups) = &self.backups {
            output::note("backup");
            backups.after(database, applied).await?;
        }
        Ok(())
    }
}
