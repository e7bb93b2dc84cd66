//! Server of the embedded default, with a persistent data folder.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use kernel::{claim_state, make_folder};
use uuid::Uuid;

use crate::{
    Access, Binaries, Cluster, Error, Keeper,
    server::{Server, free_port},
    user::{UnprivilegedUser, command, give, reaches, unprivileged},
};

impl Cluster {
    /// Starts the server with its data in `home`; on the first start, initializes it with a random password.
    ///
    /// A lock admits one process per folder. Leftovers of a killed process are cleaned up: a running server is
    /// stopped, and a crashed one recovers.
    pub async fn start(home: &Path, binaries: Binaries) -> Result<Self, Error> {
        let runner = unprivileged();
        let home = std::path::absolute(home).map_err(Error::file(home))?;
        if let Some(above) = home.ancestors().skip(1).find(|folder| folder.exists()) {
            reaches(above, runner.as_ref())?; // before anything is created
        }
        claim_state(&home)?;
        let home = fs::canonicalize(&home).map_err(Error::file(&home))?;
        let lock = lock(&home)?;
        reaches(&home, runner.as_ref())?;
        let password = kept_secret(&home.join(PASSWORD))?;

        let folder_of_server = home.join("postgres");
        make_folder(&folder_of_server, 0o700)?;
        give(&folder_of_server, runner.as_ref())?;
        let port_file = home.join(PORT);
        let mut server = Server::new(binaries, runner, &folder_of_server, 0);
        server.log = home.join("postgres.log");
        if server.data.join("PG_VERSION").exists() {
            same_version(&server)?;
            end_leftover(&server)?;
        } else {
            with_password_file(&server, &password, |file| server.initialise(file))?;
        }
        let last_port = fs::read_to_string(&port_file).ok().and_then(|port| port.trim().parse().ok());
        server.port = free_port(last_port)?;
        fs::write(&port_file, server.port.to_string()).map_err(Error::file(&port_file))?;

        server.start()?;
        let mut cluster = Self {
            access: Access { port: server.port, password },
            server,
            keeper: Keeper::Home { _lock: lock },
        };
        let superuser = cluster.superuser("postgres");
        cluster.server.accepts(&superuser).await?;
        Ok(cluster)
    }

    /// Access to the server that another process runs in `home`; `None` if there is none.
    pub fn running(home: &Path) -> Result<Option<Access>, Error> {
        if !home.join(LOCK).exists() {
            return Ok(None); // a lookup must not create files, least of all in a foreign folder
        }
        match lock(home) {
            Err(Error::InUse(_)) => {}
            _ => return Ok(None),
        }
        let read = |name: &str| fs::read_to_string(home.join(name)).map_err(Error::file(home.join(name)));
        let (port, password) = (read(PORT)?, read(PASSWORD)?);
        Ok(port.trim().parse().ok().map(|port| Access { port, password }))
    }
}

const LOCK: &str = "lock";
const PORT: &str = "postgres.port";
const PASSWORD: &str = "superuser.password";

fn lock(home: &Path) -> Result<File, Error> {
    let path = home.join(LOCK);
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(Error::file(&path))?;
    file.try_lock().map_err(|_| Error::InUse(home.to_owned()))?;
    Ok(file)
}

/// Reads the secret in `path`, or creates it with permissions for its owner only.
pub fn kept_secret(path: &Path) -> Result<String, Error> {
    if let Ok(kept) = fs::read_to_string(path)
        && !kept.is_empty()
    {
        return Ok(kept);
    }
    let made = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    private_file(path, &made)?;
    Ok(made)
}

fn private_file(path: &Path, text: &str) -> Result<(), Error> {
    let mut file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::file(path))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::file(path))
}

/// Passes the password to initdb in a file of its own user, never as an argument.
pub(crate) fn with_password_file<T>(
    server: &Server,
    password: &str,
    work: impl FnOnce(&Path) -> Result<T, Error>,
) -> Result<T, Error> {
    let file = server.data.with_extension("password");
    private_file(&file, password)?;
    give(&file, server.runner.as_ref())?;
    let worked = work(&file);
    fs::remove_file(&file).map_err(Error::file(&file))?;
    worked
}

fn same_version(server: &Server) -> Result<(), Error> {
    let kept = fs::read_to_string(server.data.join("PG_VERSION")).map_err(Error::file(&server.data))?;
    let (kept, found) = (kept.trim().to_owned(), server.binaries.major().to_owned());
    if kept == found { Ok(()) } else { Err(Error::OtherVersion { folder: server.data.clone(), kept, found }) }
}

/// Stops a leftover server: this process holds the lock, so the process that started it is gone.
fn end_leftover(server: &Server) -> Result<(), Error> {
    if !server.data.join("postmaster.pid").exists() {
        return Ok(());
    }
    let runner: Option<&UnprivilegedUser> = server.runner.as_ref();
    let pg_ctl = |verb: &[&str]| {
        command(&server.binaries.program("pg_ctl"), runner)
            .arg("-D")
            .arg(&server.data)
            .args(verb)
            .output()
            .map_err(Error::file("pg_ctl"))
    };
    if !pg_ctl(&["status"])?.status.success() {
        return Ok(()); // it crashed as well: starting it recovers the data
    }
    let stopped = pg_ctl(&["stop", "-m", "fast", "-w"])?;
    if stopped.status.success() {
        return Ok(());
    }
    Err(Error::Program { program: "pg_ctl", output: String::from_utf8_lossy(&stopped.stderr).into_owned() })
}
