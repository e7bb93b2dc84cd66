use std::{sync::Arc, time::Duration};

use kernel::Env;
use redis::{Client, RedisResult};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{Inner, Revocations, line::Line, listen::listen, tell::tell};

/// How ended sessions get about.
#[derive(Debug, Clone)]
pub struct Config {
    redis: Option<SecretString>,
    grace: Duration,
}

impl Config {
    /// Reads `REDIS_URL` and `NEXO_REVOCATION_GRACE_SECONDS`: for how long silence is no reason to doubt.
    pub fn read(env: &mut Env) -> Self {
        let redis = env.secret("REDIS_URL");
        if redis.as_ref().is_some_and(|url| client(url).is_err()) {
            env.mistake(
                "REDIS_URL",
                "is not an address of Redis (redis://:password@host:6379, or rediss://…)",
            );
        }
        Self { redis, grace: env.seconds("NEXO_REVOCATION_GRACE_SECONDS", 5, 1..=60) }
    }

    /// The sessions that have ended. Asks for a Tokio runtime where there is a Redis, which is then listened to for as long
    /// as anybody has them.
    #[must_use]
    pub fn start(&self) -> Revocations {
        let Some(Ok(client)) = self.redis.as_ref().map(client) else { return Revocations::default() };
        // What redis's TLS asks for; somebody else's choice of the same is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let inner = Inner { line: Some(Line::new(self.grace)), ..Inner::default() };
        let inner = Arc::new(inner);
        tokio::spawn(listen(client.clone(), Arc::downgrade(&inner)));
        tokio::spawn(tell(client, Arc::downgrade(&inner)));
        Revocations(inner)
    }
}

fn client(url: &SecretString) -> RedisResult<Client> {
    Client::open(url.expose_secret())
}
