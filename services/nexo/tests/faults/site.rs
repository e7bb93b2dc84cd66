//! A database with clients, a folder for its backups, and `nexo` as a process.

use std::process::{Command, Stdio};

use pg_server::Cluster;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use testkit::Database;

pub(crate) struct Site {
    pub(crate) database: Database,
    pub(crate) state: TempDir,
    _cluster: Cluster,
}

const ROWS: &str = "
    insert into app.account_directory (account_id, slug) values (md5('a')::uuid, 'a');
    insert into app.accounts (account_id, name, created_by, updated_by) values (md5('a')::uuid, 'a', md5('a')::uuid, md5('a')::uuid);
    insert into app.clients (account_id, id, name, notes, created_by, updated_by)
        select md5('a')::uuid, gen_random_uuid(), 'Client ' || n, repeat(md5(random()::text), 8), md5('a')::uuid, md5('a')::uuid
        from generate_series(1, ROWS) n";

pub(crate) const CLIENTS: &str = "select count(*) from app.clients";

impl Site {
    pub(crate) async fn with(rows: u32) -> Self {
        let cluster = testkit::ephemeral(&[]).await;
        let database = Database::empty(&cluster).await;
        let migrations = migrate::Migrations::embedded().unwrap();
        let settings = migrate::RunOptions::default();
        migrate::migrate(&database.role("nexo_migrator"), &migrations, &migrate::NoHooks, &settings)
            .await
            .unwrap();
        database.run(&ROWS.replace("ROWS", &rows.to_string())).await;
        Self { database, state: tempfile::tempdir().unwrap(), _cluster: cluster }
    }

    pub(crate) fn nexo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nexo"));
        self.furnish(&mut command).args(["db"]).args(arguments);
        command
    }

    /// Sets the environment of `nexo`, for a program that starts it.
    pub(crate) fn furnish<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        if let Some(programs) = std::env::var_os("NEXO_POSTGRES_BIN") {
            command.env("NEXO_POSTGRES_BIN", programs);
        }
        command.envs(self.database.settings("nexo_app")).env("NEXO_STATE_DIR", self.state.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped())
    }

    /// Runs a command to completion: exit code and output.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String) {
        let done = self.nexo(arguments).output().unwrap();
        let said = [done.stdout, done.stderr].concat();
        (done.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
    }

    /// Runs a command successfully and returns its JSON output.
    pub(crate) fn answer(&self, arguments: &[&str]) -> serde_json::Value {
        let done = self.nexo(arguments).arg("--json").output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice(&done.stdout).unwrap()
    }

    pub(crate) async fn one<T>(&self, question: &str) -> T
    where
        (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
    {
        one(&self.database.superuser(), question).await.unwrap()
    }
}

pub(crate) async fn one<T>(options: &PgConnectOptions, question: &str) -> Result<T, sqlx::Error>
where
    (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
{
    let mut conn = PgConnection::connect_with(options).await?;
    let answer: Result<(T,), _> =
        sqlx::query_as(AssertSqlSafe(question.to_owned())).fetch_one(&mut conn).await;
    conn.close().await?;
    Ok(answer?.0)
}
