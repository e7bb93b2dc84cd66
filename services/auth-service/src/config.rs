use std::{net::SocketAddr, sync::Arc, thread, time::Duration};

use db::Db;
use identity::{Hasher, Mint, RefreshKey, SealError, Secret};
use kernel::{Clock, Env};
use revocation::Revocations;
use web::{Bounds, Proxies};

use crate::{
    App, Factors, FailedLogins, Keys, KeysError, MailError, Oidc, SendingQuotas, Throttle, mail, oidc, quota,
};

/// Why the settings make no service.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The keys that sign tokens.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// How letters are sent.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The cipher that keeps second factors.
    #[error("no key can be made of NEXO_SECRET")]
    Factors(#[from] SealError),
}

/// The settings of this service.
#[derive(Debug)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What bounds its connections, and how it stops.
    pub bounds: Bounds,
    /// Its database, as `nexo_auth`.
    pub database: db::Config,
    /// How events get about.
    pub events: events::Config,
    /// How tokens are verified.
    pub identity: identity::Config,
    /// How ended sessions get about.
    pub revocation: revocation::Config,
    /// How they are issued.
    pub mint: Mint,
    /// Makes refresh tokens, and seals signing keys.
    pub secret: Secret,
    /// Quotas of e-mails to strangers.
    quotas: quota::Config,
    /// Logins at providers.
    oidc: oidc::Config,
    /// How letters are sent.
    mail: mail::Config,
    /// Whose word about the client's address is believed.
    proxies: Proxies,
    /// How often the signing keys are read again.
    keys_every: Duration,
    /// Threads that hash passwords.
    hashing_threads: usize,
    /// Passwords that may wait for them.
    hashing_queue: usize,
    /// How far they give way to what serves requests, from 0 to 19.
    hashing_nice: u8,
}

impl Config {
    /// Reads `NEXO_AUTH_LISTEN`.
    pub fn listens(env: &mut Env) -> SocketAddr {
        env.listen("NEXO_AUTH_LISTEN", 3001)
    }

    /// Reads every setting; `env.finish()?` then tells all that is wrong at once, by variable.
    pub fn read(env: &mut Env) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            listen: Self::listens(env),
            bounds: Bounds::read(env),
            database: db::Config::read(env).of("auth-service"),
            events: events::Config::read(env),
            identity: identity::Config::read(env),
            revocation: revocation::Config::read(env),
            mint: Mint::read(env),
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

    /// What the handlers work with; its keys are kept up to date for as long as somebody holds it. It tells `revocations` of
    /// the sessions that it ends.
    pub async fn app(&self, db: Db, revocations: &Revocations, clock: &Clock) -> Result<App, ConfigError> {
        // Boxed: who waits for this would carry the whole reading of keys in its own state.
        let keys = Box::pin(Keys::open(&self.mint, &self.secret, &db, clock, self.keys_every)).await?;
        let db = db.sealing_cursors_with(&self.secret).telling(revocations);
        Ok(App {
            verifier: self.identity.verifier_with(keys.public().clone(), clock.clone()).heeding(revocations),
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

/// In production a gateway stands before this service: without its name, all people share its address, and a few wrong
/// passwords keep everybody out.
fn proxies(env: &mut Env) -> Proxies {
    let proxies = Proxies::read(env);
    if env.production() && proxies.is_empty() {
        env.mistake(
            "NEXO_TRUSTED_PROXIES",
            "is not set: name the address or network of the gateway, such as 10.0.0.0/8",
        );
    }
    proxies
}
