use kernel::Env;
use redis::Client;
use secrecy::ExposeSecret as _;

use crate::{Limiter, remote::Remote};

/// Settings of the rate limiter.
#[derive(Debug, Clone)]
pub struct Config {
    redis: Option<Client>,
}

impl Config {
    /// Reads `REDIS_URL`; without it, buckets are local to the process.
    pub fn read(env: &mut Env) -> Self {
        const NAME: &str = "REDIS_URL";
        let told = env.secret(NAME);
        let redis = told.as_ref().and_then(|told| Client::open(told.expose_secret()).ok());
        if told.is_some() && redis.is_none() {
            env.report(NAME, "is not an address of Redis (redis://user:password@host:6379/0, or rediss://…)");
        }
        Self { redis }
    }

    /// Whether gateways share their buckets through Redis.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.redis.is_some()
    }

    /// Creates the limiter; with Redis, also starts a task that monitors the connection.
    #[must_use]
    pub fn limiter(&self) -> Limiter {
        Limiter::new(self.redis.clone().map(Remote::start))
    }
}
