//! Runs `nexo` as a child process.

use std::{
    ops::Deref,
    process::{Command, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::Child,
    time::timeout,
};

use crate::api::Api;

/// Maximum time for a debug build to start PostgreSQL and itself.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Nexo {
    child: Child,
    api: Api,
    /// Port of the metrics endpoint.
    pub(crate) metrics: Option<u16>,
    home: std::path::PathBuf,
}

impl Deref for Nexo {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

/// A temporary folder that PostgreSQL's user can traverse.
pub(crate) fn home() -> TempDir {
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    tempfile::Builder::new().prefix("nexo-up-").permissions(open).tempdir().unwrap()
}

fn nexo(home: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexo"));
    for name in ["NEXO_GATEWAY_LISTEN", "NEXO_AUTH_LISTEN", "NEXO_CRM_LISTEN", "NEXO_METRICS_LISTEN"] {
        command.env(name, "127.0.0.1:0");
    }
    for name in ["DATABASE_URL", "MIGRATION_DATABASE_URL", "NEXO_ENV", "NEXO_TEST_DATA", "REDIS_URL"] {
        command.env_remove(name);
    }
    command.env("NEXO_STATE_DIR", home.path().join("state")).env("NEXO_LOG", "info");
    command.env("NEXO_JOB_LEASE_SECONDS", "2"); // a short lease, so that killed processes are replaced soon
    command
}

impl Nexo {
    /// Starts `nexo up` without waiting for it.
    pub(crate) fn start(home: &TempDir, more: &[&str]) -> Self {
        Self::start_with(home, more, &[])
    }

    fn start_with(home: &TempDir, more: &[&str], settings: &[(&str, &str)]) -> Self {
        let mut command = tokio::process::Command::from(nexo(home));
        command.envs(settings.iter().copied()).arg("up").args(more);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let home = home.path().join("state");
        Self { child: command.spawn().unwrap(), api: Api::default(), metrics: None, home }
    }

    /// Starts `nexo up` and waits until it prints its address.
    pub(crate) async fn up(home: &TempDir, more: &[&str]) -> Self {
        Self::up_with(home, more, &[]).await
    }

    /// Starts `nexo up` with additional settings and waits until it prints its address.
    pub(crate) async fn up_with(home: &TempDir, more: &[&str], settings: &[(&str, &str)]) -> Self {
        let mut nexo = Self::start_with(home, more, settings);
        let mut lines = BufReader::new(nexo.child.stdout.take().unwrap()).lines();
        let said = timeout(PATIENCE, async {
            let mut api = None;
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some(url) = line.trim().strip_prefix("API ") {
                    api = Some(url.trim().trim_end_matches("/api/v1").to_owned());
                }
                if let Some(url) = line.trim().strip_prefix("metrics ") {
                    let port = url.trim_end_matches("/metrics").rsplit_once(':');
                    return api.zip(port.and_then(|(_, port)| port.parse().ok()));
                }
            }
            None
        });
        let Some((url, metrics)) = said.await.expect("it comes up in time") else {
            panic!("nexo did not come up: {}", nexo.wait_for_end(PATIENCE).await);
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let mut told = nexo.child.stderr.take().unwrap();
        tokio::spawn(async move { tokio::io::copy(&mut told, &mut tokio::io::sink()).await });
        (nexo.api, nexo.metrics) = (Api { url }, Some(metrics));
        nexo
    }

    /// Runs another command to completion: exit code and output.
    pub(crate) fn command(home: &TempDir, arguments: &[&str]) -> (i32, String) {
        Self::command_with(home, arguments, &[])
    }

    /// Runs another command with additional settings: exit code and output.
    pub(crate) fn command_with(
        home: &TempDir,
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> (i32, String) {
        let done = nexo(home).args(arguments).envs(settings.iter().copied()).output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        (done.status.code().unwrap_or(-1), said)
    }

    /// Waits until the process exits with an error; returns its standard error.
    pub(crate) async fn wait_for_end(mut self, patience: Duration) -> String {
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        timeout(patience, stderr.read_to_string(&mut said)).await.expect("it ends").unwrap();
        assert!(!self.child.wait().await.unwrap().success(), "{said}");
        said
    }

    /// Waits until the process exits, while its output is read elsewhere; returns the exit code.
    pub(crate) async fn ended(mut self, patience: Duration) -> Option<i32> {
        timeout(patience, self.child.wait()).await.expect("it ends").unwrap().code()
    }

    /// Stops the process with SIGTERM, and expects a clean exit.
    pub(crate) async fn stop(mut self) {
        kill(Pid::from_raw(self.child.id().unwrap().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let ended = timeout(PATIENCE, self.child.wait()).await.expect("it stops").unwrap();
        assert!(ended.success(), "{ended}");
    }

    /// Kills the process to simulate a crash.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Runs statements as superuser of the private server.
    pub(crate) async fn sql(&self, statements: &str) {
        let access = pg_server::Cluster::running(&self.home).unwrap().unwrap();
        let mut conn = PgConnection::connect_with(&access.superuser("nexo")).await.unwrap();
        conn.execute(AssertSqlSafe(statements.to_owned())).await.unwrap();
        conn.close().await.unwrap();
    }
}
