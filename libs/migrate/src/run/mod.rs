//! Applies what is pending.

pub(crate) mod apply;
pub(crate) mod blocker;
pub(crate) mod event;
pub(crate) mod guard;
mod hooks;
mod index;
pub(crate) mod inspect;
pub(crate) mod lock;
pub(crate) mod plan;
pub(crate) mod session;

use std::time::Duration;

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::sleep;

pub use event::{Event, Listener};
pub use hooks::{HookError, Hooks, NoHooks, Taken};
pub use inspect::Broken;

use crate::{Error, Migration, Migrations, Release, Version, backfill, history, isolation::breaches_so_far};
use apply::{Job, Runner};
use inspect::Inspector;

/// How migrations are applied.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long to wait for another process that migrates, and for transactions that an index build must outlive.
    pub lock_wait: Duration,
    /// How long one statement may wait for a table, while others queue behind it.
    pub lock_timeout: Duration,
    /// How often a file is tried that could not get its locks.
    pub attempts: u32,
    /// How often a broken connection is made anew.
    pub reconnects: u32,
    /// Noted in the history.
    pub app_version: String,
    /// The role that owns every object.
    pub owner: String,
    /// The last version to apply; `None`: all.
    pub to: Option<Version>,
    /// Who is told how it goes.
    pub listener: Listener,
}

impl Default for Settings {
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

impl Settings {
    pub(crate) fn release(&self) -> Option<Release> {
        self.app_version.parse().ok()
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The migrations that were applied now, oldest first.
    pub applied: Vec<Version>,
    /// The version that the database has now.
    pub version: Option<Version>,
}

/// Applies what is pending. Any number of processes may call it at once: each migration is applied by one of them.
///
/// A connection that breaks is made anew. The history, which is written in the same transaction, tells what was kept:
/// also when it broke at COMMIT.
pub async fn migrate(
    database: &PgConnectOptions,
    migrations: &Migrations,
    hooks: &dyn Hooks,
    settings: &Settings,
) -> Result<Outcome, Error> {
    Run::new(database, migrations, hooks, settings).complete().await
}

/// The same on a scratch database, which may be given what a live one would be refused: breaches of isolation are not
/// looked for.
pub(crate) async fn migrate_scratch(
    scratch: &PgConnectOptions,
    migrations: &Migrations,
) -> Result<Outcome, Error> {
    let settings = Settings { listener: Listener::new(|_| {}), ..Settings::default() };
    Run { scratch: true, ..Run::new(scratch, migrations, &NoHooks, &settings) }.complete().await
}

/// Takes the lock, and looks whether the history is whole.
pub(crate) async fn enter(
    database: &PgConnectOptions,
    settings: &Settings,
) -> Result<(PgConnection, Vec<history::Row>), Error> {
    let mut conn = session::open(database).await?;
    lock::take(&mut conn, settings).await?;
    history::prepare(&mut conn, &settings.owner).await?;
    history::verify(&mut conn).await?;
    let rows = history::read(&mut conn).await?;
    Ok((conn, rows))
}

struct Run<'r> {
    database: &'r PgConnectOptions,
    migrations: &'r Migrations,
    hooks: &'r dyn Hooks,
    settings: &'r Settings,
    /// What this run has begun, on whichever connection.
    begun: Vec<Version>,
    /// Whether the hook before has run.
    before: bool,
    /// What it took.
    backup: Option<Taken>,
    /// Whether this database is thrown away afterwards.
    scratch: bool,
    /// Whether it had no history when this run began.
    fresh: bool,
}

impl<'r> Run<'r> {
    fn new(
        database: &'r PgConnectOptions,
        migrations: &'r Migrations,
        hooks: &'r dyn Hooks,
        settings: &'r Settings,
    ) -> Self {
        let (begun, before, backup) = (Vec::new(), false, None);
        Self { database, migrations, hooks, settings, begun, before, backup, scratch: false, fresh: false }
    }

    async fn complete(mut self) -> Result<Outcome, Error> {
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

    async fn attempt(&mut self) -> Result<Outcome, Error> {
        let (conn, rows) = enter(self.database, self.settings).await?;
        let mut jobs = plan::pending(self.migrations, &rows, self.settings.release())?;
        self.tell_of_unknown(&rows);
        if let Some(to) = &self.settings.to {
            self.migrations.find(to).ok_or_else(|| Error::NoSuch(to.clone()))?;
            jobs.retain(|job| job.migration.version <= *to);
        }
        let pending: Vec<_> = jobs.iter().map(|job| job.migration).collect();
        let used = rows.iter().any(history::Row::stands);
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
        conn.close().await?; // until here nobody else could migrate
        let newest = applied.last().map(|migration| migration.version.clone());
        let stood = rows.iter().filter(|row| row.stands()).filter_map(|row| row.version.parse().ok()).max();
        let applied = applied.into_iter().map(|migration| migration.version.clone()).collect();
        Ok(Outcome { applied, version: newest.or(stood) })
    }

    fn tell_of_unknown(&self, rows: &[history::Row]) {
        for row in plan::unknown_failures(self.migrations, rows) {
            let (file, release, error) = (row.file(), row.app_version.clone(), row.error_message.clone());
            self.settings.listener.tell(&Event::Unknown { file, release, error });
        }
    }

    /// Once, however often the connection breaks.
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

    /// A database that was made now is looked at once, when all is applied: nothing is in it that could be reached.
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
        jobs: &[Job<'_>],
        rows: &[history::Row],
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
            backfill::insist(&mut runner.conn, job.script, self.migrations, rows).await?;
            if !self.begun.contains(&job.migration.version) {
                self.begun.push(job.migration.version.clone());
            }
            let backup = backup.as_ref().map(|taken| taken.restore.as_str());
            runner.apply(Job { backup, ..*job }).await?;
        }
        Ok(runner.leave().await)
    }

    /// What this run began and now stands.
    fn applied(&self) -> Vec<&Migration> {
        self.migrations.iter().filter(|migration| self.begun.contains(&migration.version)).collect()
    }
}
