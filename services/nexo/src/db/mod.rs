//! `nexo db …`: migrations, from the operator's side.

mod adopt;
mod apply;
mod backfill;
mod backups;
mod check;
mod drift;
mod dry_run;
mod examine;
mod lint;
mod new;
mod precaution;
mod psql;
mod reset;
mod resolve;
mod role;
mod roles;
mod rollback;
mod safe;
mod scratch;
mod seed;
mod status;
mod target;
mod tenant;
mod url;
mod version;

use std::{path::PathBuf, process::ExitCode};

use ::backup::{Config, around};
use clap::{Args, Subcommand};
use kernel::Env;
use migrate::{Hooks, Listener, Migrations, Settings};
use serde_json::json;

pub(crate) use backups::{keep as keep_schedule, watch as watch_backups};
pub(crate) use target::Target;

use crate::{
    confirm::{AccessNotConfirmed, NotConfirmed},
    progress, say,
};

/// The answer is no: not current, not the same, not clean.
const NO: u8 = 1;
/// It could not be done.
const FAILED: u8 = 2;
/// Another process migrates, restores or backs up.
const LOCKED: u8 = 3;
/// Nobody confirmed it.
const UNCONFIRMED: u8 = 4;

/// Look at the database and migrate it.
///
/// Exit codes: 0 yes or done, 1 the answer is no, 2 it could not be done, 3 another process holds the lock,
/// 4 it was not confirmed.
#[derive(Debug, Args)]
pub(crate) struct Db {
    #[command(subcommand)]
    verb: Verb,
    /// Answer as JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Take the migrations of this folder instead of those that this program was built with.
    #[arg(long = "migrations", id = "folder", global = true, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the versions of schema, PostgreSQL and NEXO, and whether they go together. Exit code 1: they do not.
    Version,
    /// Show every migration and how it stands, and who holds the lock. Exit code 1: not all are applied.
    Status,
    /// Make the roles and the database on a server of one's own, as its superuser (`SUPERUSER_DATABASE_URL`).
    ///
    /// Their passwords are those of `DATABASE_URL` (`nexo_app`), `AUTH_DATABASE_URL`, `MIGRATION_DATABASE_URL`,
    /// `RELAY_DATABASE_URL` and `BACKUP_DATABASE_URL`. It may run again, with other passwords too.
    Roles,
    /// Apply what is pending.
    Migrate(apply::Migrate),
    /// Look for mistakes in migrations: static rules, rules of tenancy, and what statements lock. Exit code 1: there are some.
    Lint(lint::Lint),
    /// Adopt a database that was made without a history, if its catalogue is what the migrations up to VERSION give.
    Baseline(adopt::Baseline),
    /// Say of a migration that failed or broke off that it was finished, or undone, by hand.
    Resolve(resolve::Resolve),
    /// Take back the migrations after a version, by their .down.sql files.
    Rollback(rollback::Rollback),
    /// Compare the live catalogue with what the applied migrations give. Exit code 1: they differ.
    Diff,
    /// Write a migration file for a new tenant table.
    New(new::New),
    /// Take a backup: a dump, and the count and hash of every table in the same snapshot.
    Backup(backups::Backup),
    /// List the backups, or move one to another store.
    Backups(backups::Backups),
    /// List the databases beside the live one: what restores, resets and undos have kept, and what `--into` has made.
    Databases(backups::Databases),
    /// Try whether a backup is what it was: by its hashes, by reading it to its end, or by restoring it.
    Verify(backups::Verify),
    /// Put a backup in the place of the live database: made beside, compared, then swapped in.
    Restore(backups::Restore),
    /// Restore the newest backup on a throw-away server, and measure how long that takes.
    Drill,
    /// Remove the backups that retention lets go.
    Prune(backups::Prune),
    /// Keep a backup for ever.
    Pin(backups::Pin),
    /// Take backups, prune and drill when they are due.
    Schedule(backups::Schedule),
    #[command(subcommand)]
    Tenant(tenant::Tenant),
    /// Look whether what is in the database fits together. Exit code 1: something is wrong.
    Check(check::Check),
    /// Make the first data: sample accounts, or in production the first administrator.
    Seed(seed::Seed),
    /// Put an empty database in the place of the live one. Refused in production.
    Reset(reset::Reset),
    /// Print the address of the database, with a password: for programs that take one.
    Url(url::Url),
    /// Open psql in the database; with --account inside of one account, where row security holds. Both are noted.
    Psql(psql::Psql),
    /// Run the backfills that migrations define, from where they are.
    Backfill(backfill::Backfill),
}

/// What every verb needs.
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

    /// How backups are made, with bars that tell how far it is.
    fn backups(&mut self) -> anyhow::Result<Config> {
        let config = Config::read(&mut self.env).watched(progress::bars());
        self.env.clone().finish()?;
        Ok(config)
    }

    /// What happens around migrations: the same as when a service starts.
    fn hooks(&mut self, target: &Target) -> anyhow::Result<Box<dyn Hooks>> {
        let hooks = around(&mut self.env, Some(target.reader.clone()), &Self::actor(), progress::bars());
        self.env.clone().finish()?;
        Ok(hooks)
    }

    /// Tells on standard error how it goes.
    fn settings() -> Settings {
        Settings { listener: Listener::new(|event| say::note(&event.to_string())), ..Settings::default() }
    }

    /// Who runs this command.
    fn actor() -> String {
        let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
        user.map_or_else(|| "unknown".to_owned(), |user| user.name)
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
        Verb::Diff => drift::run(&mut context).await,
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
    done.map_or_else(|error| failed(&error, json), |yes| ExitCode::from(if yes { 0 } else { NO }))
}

/// Whether another command has what this one needs.
fn busy(error: &anyhow::Error) -> bool {
    use ::backup::Error::{AtWork, Busy, Restoring};
    matches!(error.downcast_ref(), Some(AtWork(_) | Busy(_) | Restoring(_)))
}

fn failed(error: &anyhow::Error, json: bool) -> ExitCode {
    let causes = say::causes(error);
    say::problem(&causes);
    if json {
        let _ = say::json(&json!({ "error": causes })); // the exit code tells as well
    }
    ExitCode::from(match error.downcast_ref() {
        Some(migrate::Error::Locked(_)) => LOCKED,
        _ if busy(error) => LOCKED,
        _ if error.is::<NotConfirmed>() || error.is::<AccessNotConfirmed>() => UNCONFIRMED,
        _ => FAILED,
    })
}
