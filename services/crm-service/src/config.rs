use std::net::SocketAddr;

use identity::Secret;
use jobs::JobSettings;
use kernel::Env;
use web::{ConnectionLimits, Proxies};

/// Configuration of this service.
#[derive(Debug)]
pub struct Config {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Connection limits and shutdown timeouts.
    pub bounds: ConnectionLimits,
    /// Database, connected to as `nexo_app`.
    pub database: db::Config,
    /// How events are delivered to consumers.
    pub events: events::Config,
    /// How access tokens are verified.
    pub identity: identity::Config,
    /// How revoked sessions are received.
    pub revocation: revocation::Config,
    /// Number of job workers and duration of their leases.
    pub jobs: JobSettings,
    /// Deployment secret: authenticates cursors.
    pub secret: Secret,
    /// Gateways whose forwarded client address and trace context are trusted.
    pub proxies: Proxies,
}

impl Config {
    /// Reads the address from `NEXO_CRM_LISTEN`.
    pub fn listens(env: &mut Env) -> SocketAddr {
        env.listen("NEXO_CRM_LISTEN", 3002)
    }

    /// Reads every setting; `env.finish()?` then reports all errors at once, by variable.
    pub fn read(env: &mut Env) -> Self {
        Self {
            listen: Self::listens(env),
            bounds: ConnectionLimits::read(env),
            database: db::Config::read(env).with_pool_name("crm-service"),
            events: events::Config::read(env),
            identity: identity::Config::read(env),
            revocation: revocation::Config::read(env),
            jobs: JobSettings::read(env),
            secret: Secret::read(env),
            proxies: Proxies::read(env),
        }
    }
}
