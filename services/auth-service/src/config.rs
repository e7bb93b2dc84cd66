use std::{net::SocketAddr, sync::Arc, thread};

use db::Db;
use identity::{Hasher, KeyError, Mint, RefreshKey, Secret};
use kernel::{Clock, Env};

use crate::{App, Oidc, Throttle, oidc};

/// The settings of this service.
#[derive(Debug)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Its database, as `nexo_auth`.
    pub database: db::Config,
    /// How tokens are verified.
    pub identity: identity::Config,
    /// How they are issued.
    pub mint: Mint,
    /// Makes refresh tokens.
    pub secret: Secret,
    /// Logins at providers.
    oidc: oidc::Config,
    /// Threads that hash passwords.
    hashing_threads: usize,
    /// Passwords that may wait for them.
    hashing_queue: usize,
}

impl Config {
    /// Reads every setting; `env.finish()?` then tells all that is wrong at once, by variable.
    pub fn read(env: &mut Env) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            listen: env.parsed("NEXO_AUTH_LISTEN", SocketAddr::from(([127, 0, 0, 1], 3001))),
            database: db::Config::read(env),
            identity: identity::Config::read(env),
            mint: Mint::read(env),
            secret: Secret::read(env),
            oidc: oidc::Config::read(env),
            hashing_threads: env.parsed("NEXO_HASHING_THREADS", (cores / 2).max(1)),
            hashing_queue: env.parsed("NEXO_HASHING_QUEUE", 100),
        }
    }

    /// What the handlers work with.
    pub fn app(&self, db: Db, clock: &Clock) -> Result<App, KeyError> {
        let issuer = Arc::new(self.mint.issuer(clock.clone())?);
        Ok(App {
            db,
            verifier: self.identity.verifier_of(&issuer, clock.clone()),
            issuer,
            hasher: Hasher::start(self.hashing_threads, self.hashing_queue),
            refresh: RefreshKey::new(&self.secret),
            throttle: Throttle::new(&self.secret),
            oidc: Oidc::new(&self.oidc, &self.secret),
        })
    }
}
