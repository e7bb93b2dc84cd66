use std::net::SocketAddr;

use identity::Secret;
use kernel::Env;
use web::{Bounds, Proxies};

use crate::JobSettings;

/// The settings of this service.
#[derive(Debug)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What bounds its connections, and how it stops.
    pub bounds: Bounds,
    /// Its database, as `nexo_app`.
    pub database: db::Config,
    /// How events get about.
    pub events: events::Config,
    /// How tokens are verified.
    pub identity: identity::Config,
    /// How ended sessions get about.
    pub revocation: revocation::Config,
    /// How jobs are worked at.
    pub jobs: JobSettings,
    /// Seals cursors.
    pub secret: Secret,
    /// The gateways: whose word about clients and traces is believed.
    pub proxies: Proxies,
}

impl Config {
    /// Reads `NEXO_CRM_LISTEN`.
    pub fn listens(env: &mut Env) -> SocketAddr {
        env.listen("NEXO_CRM_LISTEN", 3002)
    }

    /// Reads every setting; `env.finish()?` then tells all that is wrong at once, by variable.
    pub fn read(env: &mut Env) -> Self {
        Self {
            listen: Self::listens(env),
            bounds: Bounds::read(env),
            database: db::Config::read(env).of("crm-service"),
            events: events::Config::read(env),
            identity: identity::Config::read(env),
            revocation: revocation::Config::read(env),
            jobs: JobSettings::read(env),
            secret: Secret::read(env),
            proxies: Proxies::read(env),
        }
    }
}
