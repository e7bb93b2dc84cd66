use identity::Secret;
use kernel::Env;
use rate_limit::{Config, Rate};

/// Settings of rate limiting.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(super) store: Config,
    /// Rate of one address, before authentication.
    pub(super) logins: Rate,
    /// Key for hashing addresses: shared by gateways that share their buckets.
    pub(super) secret: Secret,
}

impl Settings {
    /// Reads `REDIS_URL` and with it `NEXO_SECRET`; also `NEXO_LOGINS_PER_MINUTE` and `NEXO_LOGINS_BURST`.
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
        env.report(BURST, "is not from 1 to ten times NEXO_LOGINS_PER_MINUTE");
    }
    Rate::new(per_minute, burst)
}
