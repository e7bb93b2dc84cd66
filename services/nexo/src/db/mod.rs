//! `nexo db …`: migrations and backups, for operators.

mod apply;
mod backfill;
mod backup_args;
mod backups;
mod baseline;
mod check;
mod diff;
mod dry_run;
mod examine;
mod lint;
mod new;
mod psql;
mod reset;
mod resolve;
mod role;
mod roles;
mod rollback;
mod run_summary;
mod safe;
mod seed;
mod status;
mod target;
mod temp_server;
mod tenant;
mod url;
mod version;

use std::{path::PathBuf, process::ExitCode};

use ::backup::{Config, around};
use clap::{Args, Subcommand};
use kernel::Env;
use migrate::{Hooks, Listener, Migrations, RunOptions};
use serde_json::json;

pub(crate) use backups::{keep as keep_schedule, watch as watch_backups};
pub(crate) use target::Target;

use crate::{exit_code, operator_log, output, progress};

/// Inspect, migrate, back up and restore the database.
///
/// Exit codes: 0 positive result or done, 1 negative result, 2 failed, 3 another process holds the lock, 4 not
/// confirmed.
#[derive(Debug, Args)]
pub(crate) struct Db {
    #[command(subcommand)]
    verb: Verb,
    /// Print the result as JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Use the migrations in this folder instead of the embedded ones.
    #[arg(long = "migrations", id = "folder", global = true, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the versions of schema, PostgreSQL and NEXO, and whether they are compatible. Exit code 1: they are not.
    Version,
    /// Show every migration with its state, and the holder of the lock. Exit code 1: not all are applied.
    Status,
    /// Create the roles and the database on a self-managed server, as its superuser (`SUPERUSER_DATABASE_URL`).
    ///
    /// Their passwords are those of `DATABASE_URL` (`nexo_app`), `AUTH_DATABASE_URL`, `MIGRATION_DATABASE_URL`,
    /// `RELAY_DATABASE_URL` and `BACKUP_DATABASE_URL`. It may run again, also to change the passwords.
    Roles,
    /// Apply the pending migrations.
    Migrate(apply::Migrate),
    /// Lint migrations: static rules, tenancy rules, and locks of statements. Exit code 1: there are findings.
    Lint(lint::Lint),
    /// Adopt a database without a migration history, if its catalogue matches the migrations up to VERSION.
    Baseline(baseline::Baseline),
    /// Mark a failed or interrupted migration as applied or rolled back.
    Resolve(resolve::Resolve),
    /// Roll back the migrations after a version with their .down.sql files.
    Rollback(rollback::Rollback),
    /// Compare the live catalogue with the result of the applied migrations. Exit code 1: they differ.
    Diff,
    /// Create a migration file for a new tenant table.
    New(new::New),
    /// Take a backup: a dump, with the count and hash of every table in the same snapshot.
    Backup(backups::Backup),
    /// List the backups, or move one to another store.
    Backups(backups::Backups),
    /// List the databases beside the live one: those kept by restores, resets and undos, and those made by `--into`.
    Databases(backups::Databases),
    /// Verify a backup: by its hashes, by reading it completely, or by restoring it.
    Verify(backups::Verify),
    /// Replace the live database by a backup: restored beside it, compared, then swapped in.
    Restore(backups::Restore),
    /// Restore the newest backup on a temporary server, and measure the time.
    Drill,
    /// Remove the backups that retention does not keep.
    Prune(backups::Prune),
    /// Keep a backup permanently.
    Pin(backups::Pin),
    /// Run backups, pruning and drills when they are due.
    Schedule(backups::Schedule),
    #[command(subcommand)]
    Tenant(tenant::Tenant),
    /// Check the consistency of the database. Exit code 1: there are errors.
    Check(check::Check),
    /// Create the initial data: sample accounts, or in production the first administrator.
    Seed(seed::Seed),
    /// Replace the live database by an empty one. Refused in production.
    Reset(reset::Reset),
    /// Print the URL of the database with its password, for other programs.
    Url(url::Url),
    /// Open psql in the database; with --account inside one account, under row security. Both are recorded.
    Psql(psql::Psql),
    /// Run the backfills of migrations, resuming where they stopped.
    Backfill(backfill::Backfill),
}

/// State shared by all verbs.
pub(crate) struct Context {
    env: Env,
    json: bool,
    folder: Option<PathBuf>,
}

impl Context {
    fn migrations(&self) -> Result<Migrations, migrate::Error> {
        self.folder.as_deref().map_or_else(Migrations::embedded, Migrations::read)
    }

    async fn target(&mut self) -> anyhow::Result<Target> {
        let target = Target::find(&mut self.env).await?;
        self.env.clone().finish()?;
        Ok(target)
    }

    /// Backup configuration, with progress bars.
    fn backups(&mut self) -> anyhow::Result<Config> {
        let config = Config::read(&mut self.env).watched(progress::bars());
        self.env.clone().finish()?;
        Ok(config)
    }

    /// Hooks around migrations: the same as at the start of a service.
    fn hooks(&mut self, target: &Target) -> anyhow::Result<Box<dyn Hooks>> {
        let hooks =
            around(&mut self.env, Some(target.reader.clone()), &operator_log::actor(), progress::bars());
        self.env.clone().finish()?;
        Ok(hooks)
    }

    /// Options that report progress on standard error.
    fn settings() -> RunOptions {
        RunOptions {
            listener: Listener::new(|event| output::note(&event.to_string())),
            ..RunOptions::default()
        }
    }
}

pub(crate) async fn run(env: Env, Db { verb, json, folder }: Db) -> ExitCode {
    let mut context = Context { env, json, folder };
    let done = match verb {
        Verb::Version => version::run(&mut context).await,
        Verb::Status => status::run(&mut context).await,
        Verb::Roles => roles::run(&mut context).await,
        Verb::Migrate(how) => how.run(&mut context).await,
        Verb::Lint(what) => what.run(&mut context).await,
        Verb::Baseline(to) => to.run(&mut context).await,
        Verb::Resolve(what) => Box::pin(what.run(&mut context)).await,
        Verb::Rollback(to) => Box::pin(to.run(&mut context)).await,
        Verb::Diff => diff::run(&mut context).await,
        Verb::New(what) => what.run(&context),
        Verb::Backfill(how) => how.run(&mut context).await,
        Verb::Backup(what) => what.run(&mut context).await,
        Verb::Backups(what) => what.run(&mut context).await,
        Verb::Databases(what) => what.run(&mut context).await,
        Verb::Verify(what) => what.run(&mut context).await,
        Verb::Restore(what) => what.run(&mut context).await,
        Verb::Drill => backups::drill(&mut context).await,
        Verb::Prune(how) => how.run(&mut context).await,
        Verb::Pin(what) => what.run(&mut context).await,
        Verb::Tenant(what) => what.run(&mut context).await,
        Verb::Check(how) => how.run(&mut context).await,
        Verb::Seed(who) => Box::pin(who.run(&mut context)).await,
        Verb::Reset(how) => Box::pin(how.run(&mut context)).await,
        Verb::Schedule(how) => how.run(&mut context).await,
        Verb::Url(whose) => whose.run(&mut context).await,
        Verb::Psql(how) => {
            return how.run(&mut context).await.map_or_else(|error| failed(&error, json), ExitCode::from);
        }
    };
    done.map_or_else(|error| failed(&error, json), |yes| ExitCode::from(if yes { 0 } else { exit_code::NO }))
}

fn failed(error: &anyhow::Error, json: bool) -> ExitCode {
    let causes = output::causes(error);
    output::problem(&causes);
    if json {
        let _ = output::json(&json!({ "error": causes })); // the exit code reports the failure as well
    }
    ExitCode::from(exit_code::of(error))
}
