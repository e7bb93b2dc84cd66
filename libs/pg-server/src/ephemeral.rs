//! Ephemeral server for tests: fast, not durable, and removed with the process, however it ends.

use std::{
    path::Path,
    process::{Child, Stdio},
};

use crate::{
    Access, Binaries, Cluster, Error, Keeper,
    home::with_password_file,
    server::{Server, free_port},
    user::{UnprivilegedUser, command, give, unprivileged},
};

/// Settings without durability: a crash of the machine need not be survived.
const FORGETFUL: &[&str] = &[
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "max_connections=300",
    "shared_buffers=64MB",
    "autovacuum=off",
];

/// Watchdog: waits for the end of its input, which is the end of this process, then stops the server and removes
/// its folder.
const WATCH: &str = r#"cat >/dev/null; "$1" -D "$2/data" -m immediate -w stop >/dev/null 2>&1; rm -rf "$2""#;

impl Cluster {
    /// Starts a server in a temporary folder. `settings` are additional settings, such as `max_connections=500`.
    pub async fn ephemeral(binaries: Binaries, settings: &[&str]) -> Result<Self, Error> {
        let runner = unprivileged();
        let folder = tempfile::Builder::new()
            .prefix("nexo-postgres-")
            .tempdir()
            .map_err(Error::file("a temporary folder"))?;
        let folder = folder.keep(); // the watchdog removes it
        give(&folder, runner.as_ref())?;
        let watchdog = watch(&folder, &binaries, runner.as_ref())?;
        let mut server = Server::new(binaries, runner, &folder, free_port(None)?);
        server.settings = FORGETFUL.iter().chain(settings).map(ToString::to_string).collect();
        let password = "throw-away".to_owned();
        with_password_file(&server, &password, |file| server.initialise(file))?;
        server.start()?;
        let mut cluster = Self {
            access: Access { port: server.port, password },
            server,
            keeper: Keeper::ThrowAway { _watchdog: watchdog },
        };
        let superuser = cluster.superuser("postgres");
        cluster.server.accepts(&superuser).await?;
        Ok(cluster)
    }

    /// Folder with the server's files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.server.data.parent().unwrap_or(&self.server.data)
    }
}

fn watch(folder: &Path, binaries: &Binaries, runner: Option<&UnprivilegedUser>) -> Result<Child, Error> {
    command(Path::new("/bin/sh"), runner)
        .args(["-c", WATCH, "sh"])
        .arg(binaries.program("pg_ctl"))
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(Error::file("/bin/sh"))
}
