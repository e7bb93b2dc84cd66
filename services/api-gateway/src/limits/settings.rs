use ::limits::{Config, Rate};
use identity::Secret;
use kernel::Env;

/// How requests are limited.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(super) store: Config,
    /// Of one address, before anybody has come in.
    pub(super) logins: Rate,
    /// Hashes addresses: the same for gateways that share their buckets.
    pub(super) secret: Secret,
}

impl Settings {
    /// Reads `REDIS_URL`, and `NEXO_SECRET` with it; `NEXO_LOGINS_PER_MINUTE` and `NEXO_LOGINS_BURST`.
    pub(crate) fn read(env: &mut Env) -> Self {
        let store = Config::read(env);
        let secret = if store.is_shared() { Secret::read(env) } else { Secret::generate() };
        Self { store, logins: logins(env), secret }
    }
}

fn logins(env: &mut Env) -> Rate {
    const BURST: &str = "NEXO_LOGINS_BURST";
    let (per_minute, burst) = (env.parsed("NEXO_LOGINS_PER_MINUTE", 300), env.parsed(BURST, 150));
    if per_minute == 0 || burst == 0 || burst > 10 * per_minute.min(1_000_000) {
        env.mistake(BURST, "is not from 1 to ten times NEXO_LOGINS_PER_MINUTE");
    }
    Rate::new(per_minute, burst)
}
