//! Runs migrations as a process, with a folder of migrations and a server of its own.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use pg_server::Cluster;
use tempfile::TempDir;
use testkit::Database;

pub(crate) const TABLE: (&str, &str) =
    ("20260101_0000_things.sql", "create schema app; create table app.things (id int);");

/// Number of advisory locks in this database.
pub(crate) const LOCKS: &str = "select count(*) from pg_locks l join pg_database d on d.oid = l.database
    where l.locktype = 'advisory' and d.datname = current_database()";

pub(crate) struct Ground {
    pub(crate) database: Database,
    pub(crate) cluster: Cluster,
    folder: TempDir,
}

impl Ground {
    pub(crate) async fn with(files: &[(&str, &str)]) -> Self {
        let cluster = testkit::ephemeral(&[]).await;
        let database = Database::empty(&cluster).await;
        let ground = Self { database, cluster, folder: tempfile::tempdir().unwrap() };
        for (name, text) in files {
            ground.write(name, text);
        }
        ground
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub(crate) fn nexo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nexo"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.database.settings("nexo_app")).env("NEXO_MIGRATE_WITHOUT_BACKUP", "it is a test");
        command.args(["db"]).args(arguments);
        command.arg("--migrations").arg(self.folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to completion: exit code and output.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String) {
        let done = self.nexo(arguments).output().unwrap();
        let said = [done.stdout, done.stderr].concat();
        (done.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Runner {
        Runner(self.nexo(arguments).spawn().unwrap())
    }

    pub(crate) async fn one<T>(&self, question: &'static str) -> T
    where
        (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
    {
        let mut look = self.database.look().await;
        let (answer,): (T,) = sqlx::query_as(question).fetch_one(&mut look).await.unwrap();
        answer
    }

    /// Waits until a query returns true; returns the elapsed time.
    pub(crate) async fn until(&self, question: &'static str) -> Duration {
        let start = Instant::now();
        while !self.one::<bool>(question).await {
            assert!(start.elapsed() < Duration::from_secs(30), "it never comes true: {question}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        start.elapsed()
    }
}

pub(crate) struct Runner(Child);

impl Runner {
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id().try_into().unwrap()), signal).unwrap();
    }

    /// Kills the process with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
