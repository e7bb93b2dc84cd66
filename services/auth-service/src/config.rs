use std::{net::SocketAddr, sync::Arc, thread, time::Duration};

use db::Db;
use identity::{Hasher, IssuerConfig, RefreshKey, SealError, Secret};
use kernel::{Clock, Env};
use revocation::Revocations;
use web::{ConnectionLimits, Proxies};

use crate::{
    App, Factors, FailedLogins, Keys, KeysError, MailError, Oidc, SendingQuotas, Throttle, mail, oidc, quota,
};

/// Reason why the configuration cannot be turned into a running service.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The signing keys cannot be loaded or created.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The mail transport is misconfigured.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The cipher for second factors cannot be created.
    #[error("no key can be made of NEXO_SECRET")]
    Factors(#[from] SealError),
}

/// Configuration of this service.
#[derive(Debug)]
pub struct Config {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Connection limits and shutdown timeouts.
    pub bounds: ConnectionLimits,
    /// Database, connected to as `nexo_auth`.
    pub database: db::Config,
    /// How events are delivered to consumers.
    pub events: events::Config,
    /// How access tokens are verified.
    pub identity: identity::Config,
    /// How revoked sessions are published.
    pub revocation: revocation::Config,
    /// How access tokens are issued.
    pub mint: IssuerConfig,
    /// Deployment secret: derives refresh tokens and seals signing keys.
    pub secret: Secret,
    /// Quotas of e-mails to strangers.
    quotas: quota::Config,
    /// Logins at identity providers (OpenID Connect).
    oidc: oidc::Config,
    /// E-mail transport, sender and link target.
    mail: mail::Config,
    /// Proxies whose forwarded client address is trusted.
    proxies: Proxies,
    /// Interval between reloads of the signing keys.
    keys_every: Duration,
    /// Number of password-hashing threads.
    hashing_threads: usize,
    /// Maximum number of passwords queued for hashing.
    hashing_queue: usize,
    /// Niceness of the hashing threads relative to request threads, from 0 to 19.
    hashing_nice: u8,
}

impl Config {
    /// Reads `NEXO_AUTH_LISTEN`.
    pub fn listens(env: &mut Env) -> SocketAddr {
        env.listen("NEXO_AUTH_LISTEN", 3001)
    }

    /// Reads every setting; `env.finish()?` then reports all errors at once, by variable.
    pub fn read(env: &mut Env) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            listen: Self::listens(env),
            bounds: ConnectionLimits::read(env),
            database: db::Config::read(env).with_pool_name("auth-service"),
            events: events::Config::read(env),
            identity: identity::Config::read(env),
            revocation: revocation::Config::read(env),
            mint: IssuerConfig::read(env),
            secret: Secret::read(env),
            quotas: quota::Config::read(env),
            oidc: oidc::Config::read(env),
            mail: mail::Config::read(env),
            proxies: proxies(env),
            keys_every: env.seconds("NEXO_SIGNING_KEYS_REFRESH_SECONDS", 10, 1..=30),
            hashing_threads: env.parsed("NEXO_HASHING_THREADS", (cores / 2).max(1)),
            hashing_queue: env.parsed("NEXO_HASHING_QUEUE", 100),
            hashing_nice: env.parsed("NEXO_HASHING_NICE", 19).min(19),
        }
    }

    /// Builds the shared state of the handlers. Its keys are refreshed until the last clone is dropped; sessions that
    /// it ends are published to `revocations`.
    pub async fn app(&self, db: Db, revocations: &Revocations, clock: &Clock) -> Result<App, ConfigError> {
        // Boxed, because otherwise every caller's future contains the whole state of loading keys.
        let keys = Box::pin(Keys::open(&self.mint, &self.secret, &db, clock, self.keys_every)).await?;
        let db = db.with_cursor_key(&self.secret).with_revocations(revocations);
        Ok(App {
            verifier: self
                .identity
                .verifier_with(keys.public().clone(), clock.clone())
                .with_revocations(revocations),
            issuer: Arc::clone(keys.issuer()),
            keys,
            hasher: Hasher::start(self.hashing_threads, self.hashing_queue, self.hashing_nice),
            refresh: RefreshKey::new(&self.secret),
            throttle: Throttle::new(&self.secret),
            quotas: SendingQuotas::new(self.quotas, &self.secret),
            factors: Factors::new(&self.secret, clock)?,
            oidc: Oidc::new(&self.oidc, &self.secret),
            failed: FailedLogins::start(db.clone()),
            db,
            mail: self.mail.mailer()?,
            pages: self.mail.pages.clone(),
            proxies: self.proxies.clone(),
        })
    }
}

/// In production a gateway stands in front of this service. Unless it is trusted, all users share its address, so that
/// a few wrong passwords lock out everyone.
fn proxies(env: &mut Env) -> Proxies {
    let proxies = Proxies::read(env);
    if env.production() && proxies.is_empty() {
        env.report(
            "NEXO_TRUSTED_PROXIES",
            "is not set: name the address or network of the gateway, such as 10.0.0.0/8",
        );
    }
    proxies
}
