//! A private PostgreSQL server on this machine: discovered, initialized, started, and stopped with this process.
//!
//! The embedded default runs one with a persistent folder; tests start ephemeral ones, which are removed with the
//! process.
//!
//! * [`Binaries`] finds the programs of an installed PostgreSQL.
//! * [`Cluster`] is a running server: persistent by [`Cluster::start`], or [ephemeral](Cluster::ephemeral).
//! * [`Supervisor`] restarts a server that has ended, with its data and port.
//!
//! ```no_run
//! use pg_server::{Binaries, Cluster, Error};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Error> {
//!     let cluster = Cluster::ephemeral(Binaries::find(None)?, &["max_connections=50"]).await?;
//!     println!("PostgreSQL listens on port {}", cluster.port());
//!     cluster.stop().await
//! }
//! ```

mod binaries;
mod ephemeral;
mod error;
mod home;
mod server;
mod supervisor;
mod user;

use std::time::Duration;

use sqlx::{
    Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::time::{Instant, sleep};

pub use binaries::Binaries;
pub use error::Error;
pub use home::kept_secret;
use server::Server;
pub use supervisor::Supervisor;

/// Timeout for connecting to a server of another process.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A running server of this process.
#[derive(Debug)]
pub struct Cluster {
    server: Server,
    access: Access,
    keeper: Keeper,
}

/// Connection parameters of a running server.
#[derive(Clone)]
pub struct Access {
    port: u16,
    password: String,
}

/// Resources held while the server may run.
#[derive(Debug)]
enum Keeper {
    Home {
        _lock: std::fs::File,
    },
    /// Watchdog process that cleans up after this process.
    ThrowAway {
        _watchdog: std::process::Child,
    },
}

/// Omits the password from the output.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Access {
    /// Waits until the server accepts connections: its supervisor may be restarting it.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Away`] after ten seconds.
    pub async fn accepts(&self) -> Result<(), Error> {
        let end = Instant::now() + CONNECT_TIMEOUT;
        loop {
            match PgConnection::connect_with(&self.superuser("postgres")).await {
                Ok(conn) => {
                    let _ = conn.close().await; // only checks that it responds
                    return Ok(());
                }
                Err(source) if Instant::now() > end => {
                    return Err(Error::Away { port: self.port, source: Box::new(source) });
                }
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// Connection options of the superuser for `database`.
    #[must_use]
    pub fn superuser(&self, database: &str) -> PgConnectOptions {
        self.role("postgres", &self.password, database)
    }

    /// Connection options of `role` for `database`.
    #[must_use]
    pub fn role(&self, role: &str, password: &str, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username(role)
            .password(password)
            .database(database)
            .ssl_mode(PgSslMode::Disable)
    }

    /// Connection URL of `role` for `database`.
    #[must_use]
    pub fn address(&self, role: &str, password: &str, database: &str) -> String {
        format!("postgres://{role}:{password}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }
}

impl Cluster {
    /// Connection parameters of the server.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Connection options of the superuser for `database`.
    #[must_use]
    pub fn superuser(&self, database: &str) -> PgConnectOptions {
        self.access.superuser(database)
    }

    /// Connection options of `role` for `database`.
    #[must_use]
    pub fn role(&self, role: &str, password: &str, database: &str) -> PgConnectOptions {
        self.access.role(role, password, database)
    }

    /// Port of the server on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// Stops the server with a fast shutdown: sessions are terminated, no data is lost.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.server.stop(server::Mode::Fast).await
    }

    /// Stops the server like a power failure; [`start_again`](Self::start_again) recovers it.
    pub async fn crash(&mut self) -> Result<(), Error> {
        self.server.stop(server::Mode::Immediate).await
    }

    /// Whether the server process has ended, for whatever reason.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.server.has_ended()
    }

    /// Starts a server that was stopped or has ended, on the same port; waits for crash recovery.
    pub async fn start_again(&mut self) -> Result<(), Error> {
        if self.has_ended() {
            self.server.start()?;
        }
        self.server.accepts(&self.superuser("postgres")).await
    }

    /// Whether the server is removed with the process.
    #[must_use]
    pub fn is_ephemeral(&self) -> bool {
        matches!(self.keeper, Keeper::ThrowAway { .. })
    }
}
