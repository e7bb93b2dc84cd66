//! The PostgreSQL server process.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::{Instant, sleep};

use crate::{
    Binaries, Error,
    user::{UnprivilegedUser, command},
};

/// Start timeout: a crashed server may have to recover first.
const START_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) binaries: Binaries,
    pub(crate) runner: Option<UnprivilegedUser>,
    pub(crate) data: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) port: u16,
    pub(crate) settings: Vec<String>,
    child: Option<Child>,
}

/// Shutdown mode of the server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mode {
    /// Fast shutdown: terminates sessions and writes a checkpoint.
    Fast,
    /// Immediate shutdown, like a power failure.
    Immediate,
}

impl Server {
    pub(crate) fn new(
        binaries: Binaries,
        runner: Option<UnprivilegedUser>,
        folder: &Path,
        port: u16,
    ) -> Self {
        let (data, log) = (folder.join("data"), folder.join("postgres.log"));
        Self { binaries, runner, data, log, port, settings: Vec::new(), child: None }
    }

    /// Initializes the data folder atomically.
    pub(crate) fn initialise(&self, password: &Path) -> Result<(), Error> {
        let draft = self.data.with_extension("draft");
        let _ = fs::remove_dir_all(&draft); // of a killed run
        let made = command(&self.binaries.program("initdb"), self.runner.as_ref())
            .args([
                "--username=postgres",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--auth=scram-sha-256",
                "--data-checksums",
            ])
            .arg("--no-sync")
            .arg(format!("--pwfile={}", password.display()))
            .arg("--pgdata")
            .arg(&draft)
            .output()
            .map_err(Error::file("initdb"))?;
        if !made.status.success() {
            let output = String::from_utf8_lossy(&made.stderr).into_owned();
            return Err(Error::Program { program: "initdb", output });
        }
        fs::rename(&draft, &self.data).map_err(Error::file(&self.data))
    }

    pub(crate) fn start(&mut self) -> Result<(), Error> {
        let log =
            File::options().create(true).append(true).open(&self.log).map_err(Error::file(&self.log))?;
        let also = log.try_clone().map_err(Error::file(&self.log))?;
        let mut server = command(&self.binaries.program("postgres"), self.runner.as_ref());
        server.arg("-D").arg(&self.data).args([
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
        ]);
        server.args(["-c", &format!("port={}", self.port)]);
        for setting in &self.settings {
            server.args(["-c", setting]);
        }
        let child = server.stdin(Stdio::null()).stdout(log).stderr(also).spawn();
        self.child = Some(child.map_err(Error::file("postgres"))?);
        Ok(())
    }

    /// Waits until the server accepts connections.
    pub(crate) async fn accepts(&mut self, superuser: &PgConnectOptions) -> Result<(), Error> {
        let end = Instant::now() + START_TIMEOUT;
        loop {
            if let Ok(conn) = PgConnection::connect_with(superuser).await {
                let _ = conn.close().await; // only checks that it responds
                return Ok(());
            }
            if self.has_ended() || Instant::now() > end {
                return Err(Error::Silent(last_lines(&self.log)));
            }
            sleep(Duration::from_millis(30)).await;
        }
    }

    /// Last lines of its log.
    pub(crate) fn last_words(&self) -> String {
        last_lines(&self.log)
    }

    /// Whether the process has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    pub(crate) async fn stop(&mut self, mode: Mode) -> Result<(), Error> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        if !matches!(child.try_wait(), Ok(None)) {
            return Ok(()); // its pid may have been reused
        }
        signal(&child, mode);
        let end = Instant::now() + START_TIMEOUT;
        while matches!(child.try_wait(), Ok(None)) {
            if Instant::now() > end {
                return Err(Error::Program { program: "postgres", output: last_lines(&self.log) });
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &self.child {
            signal(child, Mode::Fast); // it shuts down by itself; the next start handles a leftover
        }
    }
}

/// Sends the shutdown signal (PostgreSQL documentation, 19.5): SIGINT for fast, SIGQUIT for immediate.
fn signal(child: &Child, mode: Mode) {
    let signal = match mode {
        Mode::Fast => Signal::SIGINT,
        Mode::Immediate => Signal::SIGQUIT,
    };
    if let Ok(pid) = i32::try_from(child.id()) {
        let _ = kill(Pid::from_raw(pid), signal); // it may have ended already
    }
}

/// Returns a free port: `wanted` if it is free.
pub(crate) fn free_port(wanted: Option<u16>) -> Result<u16, Error> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = wanted.and_then(|port| bind(port).ok()).map_or_else(|| bind(0), Ok);
    let address = listener.and_then(|listener| listener.local_addr()).map_err(Error::file("127.0.0.1"))?;
    Ok(address.port())
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().take(12).collect();
    lines.into_iter().rev().map(|line| format!("  {line}\n")).collect()
}
