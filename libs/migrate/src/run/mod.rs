//! Migration runner: applies pending migrations.

mod apply;
mod blocker;
mod event;
mod guard;
mod index;
pub(crate) mod inspect;
pub(crate) mod lock;
mod needed_backfill;
pub(crate) mod plan;
pub(crate) mod planned;
pub(crate) mod runner;
pub(crate) mod statement;

use std::time::Duration;

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::sleep;

pub use event::{Event, Listener};

use crate::{
    Error, Hooks, Migration, Migrations, NoHooks, Release, TakenBackup, Version, history,
    isolation::breaches_so_far, session,
};
use inspect::Inspector;
use planned::PlannedScript;
use runner::Runner;

/// Options of the migration runner.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Maximum time to wait for another process, and for transactions that an index build has to wait for.
    pub lock_wait: Duration,
    /// Lock timeout of a statement, while others queue behind it.
    pub lock_timeout: Duration,
    /// Number of attempts for a file that times out on locks.
    pub attempts: u32,
    /// Number of reconnects after a lost connection.
    pub reconnects: u32,
    /// Release to record in the history.
    pub app_version: String,
    /// Role that owns all objects.
    pub owner: String,
    /// Last version to apply; `None` applies all.
    pub to: Option<Version>,
    /// Listener for progress events.
    pub listener: Listener,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            lock_wait: Duration::from_secs(300),
            lock_timeout: Duration::from_secs(2),
            attempts: 30,
            reconnects: 5,
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            owner: "nexo_owner".to_owned(),
            to: None,
            listener: Listener::default(),
        }
    }
}

impl RunOptions {
    pub(crate) fn release(&self) -> Option<Release> {
        self.app_version.parse().ok()
    }
}

/// Result of a migration run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// Versions applied by this run, oldest first.
    pub applied: Vec<Version>,
    /// Version of the database after the run.
    pub version: Option<Version>,
}

/// Applies pending migrations. Safe to call from many processes at once: each migration is applied by one of them.
///
/// A lost connection is re-established. The history is written in the same transaction, so it tells what was
/// committed, even if the connection broke at COMMIT.
pub async fn migrate(
    database: &PgConnectOptions,
    migrations: &Migrations,
    hooks: &dyn Hooks,
    settings: &RunOptions,
) -> Result<RunSummary, Error> {
    ActiveRun::new(database, migrations, hooks, settings).complete().await
}

/// Applies migrations to a scratch database, without the isolation check.
pub(crate) async fn migrate_scratch(
    scratch: &PgConnectOptions,
    migrations: &Migrations,
) -> Result<RunSummary, Error> {
    let settings = RunOptions { listener: Listener::new(|_| {}), ..RunOptions::default() };
    ActiveRun { scratch: true, ..ActiveRun::new(scratch, migrations, &NoHooks, &settings) }.complete().await
}

/// Acquires the lock and verifies the history.
pub(crate) async fn enter(
    database: &PgConnectOptions,
    settings: &RunOptions,
) -> Result<(PgConnection, Vec<history::HistoryRow>), Error> {
    let mut conn = session::open(database).await?;
    lock::take(&mut conn, settings).await?;
    history::insist_adopted(&mut conn).await?;
    history::prepare(&mut conn, &settings.owner).await?;
    history::verify(&mut conn).await?;
    let rows = history::read(&mut conn).await?;
    Ok((conn, rows))
}

struct ActiveRun<'r> {
    database: &'r PgConnectOptions,
    migrations: &'r Migrations,
    hooks: &'r dyn Hooks,
    settings: &'r RunOptions,
    /// Versions started by this run, on any connection.
    begun: Vec<Version>,
    /// Whether the hook `before` has run.
    before: bool,
    /// Backup taken by the hook.
    backup: Option<TakenBackup>,
    /// Whether the database is a scratch database.
    scratch: bool,
    /// Whether the database had no history at the start.
    fresh: bool,
}

impl<'r> ActiveRun<'r> {
    fn new(
        database: &'r PgConnectOptions,
        migrations: &'r Migrations,
        hooks: &'r dyn Hooks,
        settings: &'r RunOptions,
    ) -> Self {
        let (begun, before, backup) = (Vec::new(), false, None);
        Self { database, migrations, hooks, settings, begun, before, backup, scratch: false, fresh: false }
    }

    async fn complete(mut self) -> Result<RunSummary, Error> {
        for attempt in 1.. {
            match self.attempt().await {
                Err(broken)
                    if broken.is_cut() && !self.begun.is_empty() && attempt <= self.settings.reconnects =>
                {
                    self.settings.listener.tell(&Event::Reconnecting(broken.to_string()));
                    sleep(Duration::from_millis(250) * 2_u32.pow(attempt.min(6))).await;
                }
                done => return done,
            }
        }
        self.attempt().await
    }

    async fn attempt(&mut self) -> Result<RunSummary, Error> {
        let (conn, rows) = enter(self.database, self.settings).await?;
        let mut jobs = plan::pending(self.migrations, &rows, self.settings.release())?;
        self.tell_of_unknown(&rows);
        if let Some(to) = &self.settings.to {
            self.migrations.find(to).ok_or_else(|| Error::NoSuch(to.clone()))?;
            jobs.retain(|job| job.migration.version <= *to);
        }
        let pending: Vec<_> = jobs.iter().map(|job| job.migration).collect();
        let used = rows.iter().any(history::HistoryRow::stands);
        self.fresh |= !used;
        let guarded = used && !(pending.is_empty() && self.begun.is_empty());
        if guarded {
            self.before(&pending).await?;
        }
        let mut conn = if jobs.is_empty() { conn } else { self.apply(conn, &jobs, &rows).await? };
        self.inspect_fresh(&mut conn).await?;
        let applied = self.applied();
        if guarded {
            self.after(&applied).await?;
        }
        conn.close().await?; // until here no other process could migrate
        let newest = applied.last().map(|migration| migration.version.clone());
        let stood = rows.iter().filter(|row| row.stands()).filter_map(|row| row.version.parse().ok()).max();
        let applied = applied.into_iter().map(|migration| migration.version.clone()).collect();
        Ok(RunSummary { applied, version: newest.or(stood) })
    }

    fn tell_of_unknown(&self, rows: &[history::HistoryRow]) {
        for row in plan::unknown_failures(self.migrations, rows) {
            let (file, release, error) = (row.file(), row.app_version.clone(), row.error_message.clone());
            self.settings.listener.tell(&Event::Unknown { file, release, error });
        }
    }

    /// Runs the hook once, however often the connection is lost.
    async fn before(&mut self, pending: &[&Migration]) -> Result<(), Error> {
        if !self.before {
            let stage = "no migration was applied";
            let taken = self.hooks.before(self.database, pending).await;
            self.backup = taken.map_err(|source| Error::Hook { stage, source })?;
            self.before = true;
        }
        Ok(())
    }

    async fn after(&self, applied: &[&Migration]) -> Result<(), Error> {
        let stage = "the migrations are applied, but what was to follow failed";
        self.hooks.after(self.database, applied).await.map_err(|source| Error::Hook { stage, source })
    }

    /// Checks a new database once, at the end: before, it has no data to protect.
    async fn inspect_fresh(&self, conn: &mut PgConnection) -> Result<(), Error> {
        if self.scratch || !self.fresh || self.begun.is_empty() {
            return Ok(());
        }
        let breaches = breaches_so_far(conn).await?;
        if breaches.is_empty() { Ok(()) } else { Err(Error::Unsound(breaches)) }
    }

    async fn apply(
        &mut self,
        mut conn: PgConnection,
        jobs: &[PlannedScript<'_>],
        rows: &[history::HistoryRow],
    ) -> Result<PgConnection, Error> {
        let backup = self.backup.clone();
        let inspector = if self.fresh || self.scratch {
            Inspector::of_fresh()
        } else {
            Inspector::of_used(&mut conn).await?
        };
        let observer = session::observer(self.database).await?;
        let mut runner = Runner::new(conn, observer, inspector, self.settings).await?;
        for job in jobs {
            needed_backfill::insist(&mut runner.conn, job.script, self.migrations, rows).await?;
            if !self.begun.contains(&job.migration.version) {
                self.begun.push(job.migration.version.clone());
            }
            let backup = backup.as_ref().map(|taken| taken.restore.as_str());
            runner.apply(PlannedScript { backup, ..*job }).await?;
        }
        Ok(runner.leave().await)
    }

    /// Migrations that this run has applied.
    fn applied(&self) -> Vec<&Migration> {
        self.migrations.iter().filter(|migration| self.begun.contains(&migration.version)).collect()
    }
}
