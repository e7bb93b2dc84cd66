//! Test fixture: a database with accounts and clients, and a folder for its backups.

use std::sync::Arc;

use backup::{BackupRequest, Config, Manifest};
use kernel::Env;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use testkit::Database;

pub(crate) struct Ground {
    pub(crate) database: Database,
    pub(crate) folder: Arc<TempDir>,
    settings: Vec<(String, String)>,
}

const ROWS: &str = "
    insert into app.account_directory (account_id, slug) select md5('account ' || a)::uuid, 'account-' || a from generate_series(1, 3) a;
    insert into app.accounts (account_id, name, created_by, updated_by)
        select account_id, slug, account_id, account_id from app.account_directory;
    insert into app.clients (account_id, id, name, email, credit_limit, currency, notes, created_by, updated_by)
        select account_id, gen_random_uuid(), 'Client ' || n, 'n' || n || '@x.test', n * 1.0001, 'EUR', repeat(md5(n::text), 8), account_id, account_id
        from app.accounts, generate_series(1, 400) n;
    update app.clients set notes = E'a line\\nand a tab\\t, a \\\\backslash, \\\\.\\r\\nand ❄ \\u00e9' where name = 'Client 5';
    update app.clients set notes = E'\\\\.' where name = 'Client 6';";

impl Ground {
    /// Creates three accounts with 400 clients each.
    pub(crate) async fn filled() -> Self {
        let database = Database::migrated().await;
        database.run(ROWS).await;
        Self::of(database)
    }

    pub(crate) fn of(database: Database) -> Self {
        let settings = database.settings("nexo_app");
        Self { database, folder: Arc::new(tempfile::tempdir().unwrap()), settings }
    }

    /// Returns a copy with one additional setting.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut settings = self.settings.clone();
        settings.push((name.to_owned(), value.to_owned()));
        Self { database: self.database.clone(), folder: Arc::clone(&self.folder), settings }
    }

    pub(crate) fn config(&self) -> Config {
        let place = self.folder.path().join("backups");
        let stores = [("NEXO_BACKUP_STORES".to_owned(), place.display().to_string())];
        let mut env = Env::from_values(stores.into_iter().chain(self.settings.clone()));
        let chosen = self.settings.iter().any(|(name, _)| name == "NEXO_POSTGRES_BIN");
        if let Some(programs) = std::env::var_os("NEXO_POSTGRES_BIN").filter(|_| !chosen) {
            env = env.with("NEXO_POSTGRES_BIN", programs.to_string_lossy());
        }
        let config = Config::read(&mut env);
        env.finish().unwrap();
        config
    }

    pub(crate) fn reader(&self) -> PgConnectOptions {
        self.database.role("nexo_backup")
    }

    pub(crate) fn migrator(&self) -> PgConnectOptions {
        self.database.role("nexo_migrator")
    }

    pub(crate) async fn backup(&self) -> Manifest {
        self.config().backup(&self.reader(), &BackupRequest::new("test", "ana")).await.unwrap().manifest
    }
}

pub(crate) async fn one<T>(options: &PgConnectOptions, question: &str) -> T
where
    (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
{
    let mut conn = PgConnection::connect_with(options).await.unwrap();
    let (answer,): (T,) =
        sqlx::query_as(AssertSqlSafe(question.to_owned())).fetch_one(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    answer
}
