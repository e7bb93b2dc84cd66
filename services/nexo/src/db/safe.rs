//! `nexo db migrate --safe`: backup → lint → apply → verify → backup; the first failure ends it.

use std::{collections::BTreeSet, sync::Mutex};

use anyhow::Context as _;
use async_trait::async_trait;
use migrate::{HookError, Hooks, Migration, Migrations, Settings, Taken, diff, migrate};
use sqlx::postgres::PgConnectOptions;

use super::{Context, apply, lint, precaution::Precaution, scratch::Scratch};
use crate::say;

pub(super) async fn run(
    context: &mut Context,
    settings: &Settings,
    without_backup: Option<&str>,
) -> anyhow::Result<bool> {
    let migrations = context.migrations()?;
    let target = context.target().await?;
    let _alone = target.alone_if_possible("nexo db migrate --safe").await?;
    let backups = match without_backup {
        Some(_) => None,
        None => Some(Precaution::default().hooks(context, &target)?),
    };
    let scratch = Scratch::like(&target.migrator, &context.env).await;
    let steps = Steps {
        backups,
        because: without_backup.unwrap_or_default().to_owned(),
        migrations: migrations.clone(),
        lint: Scratch::like(&target.migrator, &context.env).await?,
        verify: scratch?,
        taken: Mutex::default(),
    };
    let done = migrate(&target.migrator, &migrations, &steps, settings).await;
    target.leave().await?;
    match done {
        Ok(outcome) => apply::show(context, &outcome),
        Err(failed) => Err(failed).with_context(|| steps.way_back()),
    }
}

struct Steps {
    backups: Option<Box<dyn Hooks>>,
    because: String,
    migrations: Migrations,
    /// Where pending files are tried.
    lint: Scratch,
    /// Where the schema is made that the database is compared with.
    verify: Scratch,
    taken: Mutex<Option<Taken>>,
}

impl Steps {
    fn way_back(&self) -> String {
        match self.taken.lock().ok().and_then(|taken| taken.clone()) {
            Some(Taken { restore }) => format!("stopped. To go back to the backup: {restore}"),
            None => "stopped. No backup was taken by this command".to_owned(),
        }
    }

    async fn lint(&self, pending: &[&Migration]) -> Result<(), HookError> {
        let chosen: BTreeSet<String> = pending.iter().map(|migration| migration.file().to_owned()).collect();
        let mut found = ::lint::check(&self.migrations);
        found.extend(lint::rehearse(&self.lint, &self.migrations, &chosen).await?);
        let found = lint::report(&self.migrations, &chosen, found, true);
        let lines: String = found.iter().map(|finding| format!("\n  {finding}")).collect();
        if found.is_empty() { Ok(()) } else { Err(format!("the linter found:{lines}").into()) }
    }

    async fn verify(&self, database: &PgConnectOptions) -> Result<(), HookError> {
        let breaches = ::db::verify_isolation(database).await?;
        let drift = diff(database, &self.migrations, &self.verify.migrator).await?;
        let breaches = breaches.iter().map(ToString::to_string);
        let wrong = breaches.chain(drift.differences.iter().map(ToString::to_string));
        let lines: String = wrong.map(|line| format!("\n  {line}")).collect();
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
    ) -> Result<Option<Taken>, HookError> {
        let taken = if let Some(backups) = &self.backups {
            say::note("backup");
            backups.before(database, pending).await?
        } else {
            say::note(&format!("no backup is taken, because: {}", self.because));
            None
        };
        if let Ok(mut kept) = self.taken.lock() {
            kept.clone_from(&taken);
        }
        say::note("lint");
        self.lint(pending).await?;
        say::note("apply");
        Ok(taken)
    }

    async fn after(&self, database: &PgConnectOptions, applied: &[&Migration]) -> Result<(), HookError> {
        say::note("verify");
        self.verify(database).await?;
        if let Some(backups) = &self.backups {
            say::note("backup");
            backups.after(database, applied).await?;
        }
        Ok(())
    }
}
