use std::time::Duration;

use sqlx::{Connection as _, postgres::PgConnectOptions};

use crate::{Error, Hooks, Migrations, Version, apply, history, lock, plan, session};

/// How migrations are applied.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long to wait for another process that migrates.
    pub lock_wait: Duration,
    /// How long one statement may wait for a table, while others queue behind it.
    pub lock_timeout: Duration,
    /// How often a file is tried that could not get its locks.
    pub attempts: u32,
    /// Noted in the history.
    pub app_version: String,
    /// The role that owns every object.
    pub owner: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lock_wait: Duration::from_secs(300),
            lock_timeout: Duration::from_secs(2),
            attempts: 30,
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            owner: "nexo_owner".to_owned(),
        }
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
pub async fn migrate(
    database: &PgConnectOptions,
    migrations: &Migrations,
    hooks: &dyn Hooks,
    settings: &Settings,
) -> Result<Outcome, Error> {
    let mut conn = session::open(database).await?;
    lock::take(&mut conn, settings.lock_wait).await?;
    history::prepare(&mut conn, &settings.owner).await?;
    let history = history::read(&mut conn).await?;
    let pending = plan::pending(migrations, &history)?;
    let holds_something = history.iter().any(history::Row::stands);
    let guarded = holds_something && !pending.is_empty();
    if guarded {
        let stage = "the hook before the migrations refused";
        hooks.before(database, &pending).await.map_err(|source| Error::Hook { stage, source })?;
    }
    for migration in &pending {
        apply::apply(&mut conn, migration, settings).await?;
    }
    if guarded {
        let stage = "the hook after the migrations failed";
        hooks.after(database, &pending).await.map_err(|source| Error::Hook { stage, source })?;
    }
    conn.close().await?;
    let applied = pending.iter().map(|migration| migration.version.clone()).collect();
    Ok(Outcome { applied, version: migrations.latest().cloned() })
}
