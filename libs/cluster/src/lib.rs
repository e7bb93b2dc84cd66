//! A private PostgreSQL server on this machine: found, initialised, started, and stopped with us.
//!
//! The embedded default keeps one in a folder; tests start throw-away ones that vanish with the process.

mod binaries;
mod error;
mod home;
mod server;
mod supervisor;
mod throw_away;
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

/// How long a server that another process keeps may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running server.
#[derive(Debug)]
pub struct Cluster {
    server: Server,
    access: Access,
    keeper: Keeper,
}

/// The way to a running server.
#[derive(Clone)]
pub struct Access {
    port: u16,
    password: String,
}

/// What is held for as long as the server may run.
#[derive(Debug)]
enum Keeper {
    /// The lock on the folder.
    Home { _lock: std::fs::File },
    /// The child that cleans up after us.
    ThrowAway { _watchdog: std::process::Child },
}

/// Without the password.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Access {
    /// Waits until the server answers: whoever keeps it may be starting it again at this moment.
    ///
    /// # Errors
    ///
    /// [`Error::Away`], after ten seconds.
    pub async fn accepts(&self) -> Result<(), Error> {
        let end = Instant::now() + PATIENCE;
        loop {
            match PgConnection::connect_with(&self.superuser("postgres")).await {
                Ok(conn) => {
                    let _ = conn.close().await; // it was only asked whether it answers
                    return Ok(());
                }
                Err(source) if Instant::now() > end => {
                    return Err(Error::Away { port: self.port, source: Box::new(source) });
                }
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// The superuser's way into `database`.
    #[must_use]
    pub fn superuser(&self, database: &str) -> PgConnectOptions {
        self.role("postgres", &self.password, database)
    }

    /// The way of `role` into `database`.
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

    /// The same as an address.
    #[must_use]
    pub fn address(&self, role: &str, password: &str, database: &str) -> String {
        format!("postgres://{role}:{password}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }
}

impl Cluster {
    /// The way to it.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The superuser's way into `database`.
    #[must_use]
    pub fn superuser(&self, database: &str) -> PgConnectOptions {
        self.access.superuser(database)
    }

    /// The way of `role` into `database`.
    #[must_use]
    pub fn role(&self, role: &str, password: &str, database: &str) -> PgConnectOptions {
        self.access.role(role, password, database)
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// Stops the server as an operator would: sessions end, nothing is lost.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.server.stop(server::Mode::Fast).await
    }

    /// Stops the server as a power cut would; [`start_again`](Self::start_again) recovers it.
    pub async fn crash(&mut self) -> Result<(), Error> {
        self.server.stop(server::Mode::Immediate).await
    }

    /// Whether the server process has ended, by itself or by somebody else's hand.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.server.has_ended()
    }

    /// Starts a server that was stopped or has ended, on the same port; one that still recovers is waited for.
    pub async fn start_again(&mut self) -> Result<(), Error> {
        if self.has_ended() {
            self.server.start()?;
        }
        self.server.accepts(&self.superuser("postgres")).await
    }

    /// Whether it goes with the process.
    #[must_use]
    pub fn is_throw_away(&self) -> bool {
        matches!(self.keeper, Keeper::ThrowAway { .. })
    }
}
