use std::{sync::Arc, time::Duration};

use kernel::Env;
use redis::{Client, RedisResult};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{Inner, Revocations, channel::Channel, listen::listen, publish::tell};

/// Settings of revocation between processes.
#[derive(Debug, Clone)]
pub struct Config {
    redis: Option<SecretString>,
    grace: Duration,
}

impl Config {
    /// Reads `REDIS_URL` and `NEXO_REVOCATION_GRACE_SECONDS`, the maximum silence of the channel.
    pub fn read(env: &mut Env) -> Self {
        let redis = env.secret("REDIS_URL");
        if redis.as_ref().is_some_and(|url| client(url).is_err()) {
            env.report(
                "REDIS_URL",
                "is not an address of Redis (redis://:password@host:6379, or rediss://…)",
            );
        }
        Self { redis, grace: env.seconds("NEXO_REVOCATION_GRACE_SECONDS", 5, 1..=60) }
    }

    /// Starts the exchange of revocations. With Redis it requires a Tokio runtime, and listens as long as a clone
    /// exists.
    #[must_use]
    pub fn start(&self) -> Revocations {
        let Some(Ok(client)) = self.redis.as_ref().map(client) else { return Revocations::default() };
        // Crypto provider for the TLS of the Redis client; one that is already installed is just as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let inner = Inner { line: Some(Channel::new(self.grace)), ..Inner::default() };
        let inner = Arc::new(inner);
        tokio::spawn(listen(client.clone(), Arc::downgrade(&inner)));
        tokio::spawn(tell(client, Arc::downgrade(&inner)));
        Revocations(inner)
    }
}

fn client(url: &SecretString) -> RedisResult<Client> {
    Client::open(url.expose_secret())
}
