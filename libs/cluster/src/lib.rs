//! A private PostgreSQL server on this machine: found, initialised, started, and stopped with us.
//!
//! The embedded default keeps one in a folder; tests start throw-away ones that vanish with the process.

mod binaries;
mod error;
mod home;
mod server;
mod throw_away;
mod user;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

pub use binaries::Binaries;
pub use error::Error;
pub use home::kept_secret;
use server::Server;

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

    /// Starts a server that was stopped, on the same port.
    pub async fn start_again(&mut self) -> Result<(), Error> {
        self.server.start()?;
        self.server.accepts(&self.superuser("postgres")).await
    }

    /// Whether it goes with the process.
    #[must_use]
    pub fn is_throw_away(&self) -> bool {
        matches!(self.keeper, Keeper::ThrowAway { .. })
    }
}
