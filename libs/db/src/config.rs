//! Database settings, and start-up: everything that must hold before the first request.

use std::{str::FromStr as _, sync::Arc, thread, time::Duration};

use identity::Secret;
use kernel::Env;
use migrate::{Hooks, Migrations, Release};
use sqlx::{Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};

use crate::{Db, IsolationError, OpenError, handle::CURSORS, isolation, pool, share::Shares};

/// Connection settings of a service's database.
#[derive(Clone)]
pub struct Config {
    service: PgConnectOptions,
    migrator: Option<PgConnectOptions>,
    connections: usize,
    patience: Duration,
    accept_server: bool,
    name: &'static str,
}

/// Omits the addresses, which hold passwords.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("connections", &self.connections).finish_non_exhaustive()
    }
}

impl Config {
    /// Reads `DATABASE_URL`, `MIGRATION_DATABASE_URL`, `NEXO_MIGRATE_ON_BOOT`, `NEXO_DATABASE_CONNECTIONS`,
    /// `NEXO_DATABASE_CONNECT_TIMEOUT_SECONDS` and `NEXO_ALLOW_VULNERABLE_POSTGRES`.
    pub fn read(env: &mut Env) -> Self {
        let service = address(env, "DATABASE_URL").unwrap_or_else(|| {
            env.required("DATABASE_URL", "postgres://nexo_app:password@host:5432/nexo");
            PgConnectOptions::new_without_pgpass()
        });
        let on_boot = env.parsed("NEXO_MIGRATE_ON_BOOT", true);
        let migrator = address(env, "MIGRATION_DATABASE_URL").filter(|_| on_boot);
        if on_boot && migrator.is_none() {
            env.required("MIGRATION_DATABASE_URL", "as nexo_migrator; or set NEXO_MIGRATE_ON_BOOT=false");
        }
        let cores = thread::available_parallelism().map_or(2, usize::from);
        Self {
            service,
            migrator,
            connections: env.parsed("NEXO_DATABASE_CONNECTIONS", 4 * cores).max(1),
            patience: Duration::from_secs(env.parsed("NEXO_DATABASE_CONNECT_TIMEOUT_SECONDS", 60)),
            accept_server: env.parsed("NEXO_ALLOW_VULNERABLE_POSTGRES", false),
            name: "nexo",
        }
    }

    /// Sets the name under which this service's connections are counted in metrics.
    #[must_use]
    pub fn with_pool_name(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Opens the database. Applies migrations (or waits until another process has), creates partitions ahead, and
    /// refuses a database that does not isolate accounts.
    pub async fn open(&self, hooks: &dyn Hooks) -> Result<Db, OpenError> {
        let mut conn = self.reach().await?;
        migrate::refuse_pooler(&self.service).await?;
        isolation::server(&mut conn, self.accept_server).await?;
        if let Some(problem) = migrate::locale_problem(&mut conn).await.map_err(IsolationError::from)? {
            return Err(migrate::Error::Locale(Box::new(problem)).into());
        }
        let _ = conn.close().await; // only needed for the checks
        let migrations = Migrations::embedded()?;
        match &self.migrator {
            Some(migrator) => {
                migrate::migrate(migrator, &migrations, hooks, &migrate::RunOptions::default()).await?;
                partitions_ahead(migrator).await.map_err(|error| OpenError::Unreachable(error.into()))?;
            }
            None => migrate::wait(&self.service, &migrations, Release::ours(), self.patience).await?,
        }
        isolation::insist(&self.service).await?;
        let service = self.service.clone().application_name("nexo");
        let pool = pool::pool(pool::client_config(&service), self.connections, self.name);
        let pool = pool.map_err(OpenError::Unreachable)?;
        let shares = Arc::new(Shares::new(self.connections));
        let cursors = Arc::new(Secret::generate().key_for(CURSORS));
        Ok(Db { pool, shares, cursors, listeners: Arc::default() })
    }

    /// Connects, and retries until the timeout: a database that starts at the same time may need a moment.
    async fn reach(&self) -> Result<PgConnection, OpenError> {
        let end = tokio::time::Instant::now() + self.patience;
        let first = self.migrator.as_ref().unwrap_or(&self.service);
        loop {
            match PgConnection::connect_with(first).await {
                Ok(conn) => return Ok(conn),
                Err(error) if migrate::is_of_pooler(&error) => return Err(migrate::Error::Pooler.into()),
                Err(error) if crate::error::passing(&error) && tokio::time::Instant::now() < end => {
                    tracing::info!(error = &error as &dyn std::error::Error, "waiting for the database");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Err(error) => return Err(OpenError::Unreachable(error.into())),
            }
        }
    }
}

pub(crate) fn address(env: &mut Env, name: &'static str) -> Option<PgConnectOptions> {
    let text = env.optional(name)?;
    let read = PgConnectOptions::from_str(&text).ok();
    if read.is_none() {
        env.report(name, "is not an address of PostgreSQL (postgres://role:password@host:5432/database)");
        return Some(PgConnectOptions::new_without_pgpass());
    }
    read
}

/// Creates the audit log's monthly partitions for a year ahead.
pub async fn partitions_ahead(migrator: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let mut conn = PgConnection::connect_with(migrator).await?;
    conn.execute("select pg_advisory_lock(7063)").await?; // replicas that start together create them one after another
    conn.execute("call ops.make_audit_partitions(12)").await?;
    conn.close().await
}
