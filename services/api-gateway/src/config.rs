use std::{net::SocketAddr, time::Duration};

use db::Db;
use http::{HeaderValue, Uri, uri::Authority};
use identity::Verifier;
use kernel::{Clock, Env};
use revocation::Revocations;
use tower_http::cors::CorsLayer;
use web::{Bounds, Proxies};

use crate::{
    App, Upstreams, edge,
    keys::Keys,
    limits::{Limits, Settings},
    upstream::{BodyBounds, Rules, Times},
};

/// The settings of the gateway.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Its database, as `nexo_app`.
    pub database: db::Config,
    /// How ended sessions get about.
    pub revocation: revocation::Config,
    /// How tokens are verified.
    pub identity: identity::Config,
    /// What bounds its connections.
    pub bounds: Bounds,
    /// How long it may take until an answer begins.
    pub patience: Duration,
    /// `Strict-Transport-Security`, where TLS is before us.
    pub transport: Option<HeaderValue>,
    /// Which pages of other origins may call.
    pub cors: Option<CorsLayer>,
    /// Whose word about the client's address is believed.
    pub proxies: Proxies,
    body: BodyBounds,
    limits: Settings,
    auth: Vec<Authority>,
    crm: Vec<Authority>,
    times: Times,
    rules: Rules,
}

impl Config {
    /// Reads `NEXO_GATEWAY_LISTEN`.
    pub fn listens(env: &mut Env) -> SocketAddr {
        env.listen("NEXO_GATEWAY_LISTEN", 3000)
    }

    /// Reads every setting; `env.finish()?` then tells all that is wrong at once, by variable.
    pub fn read(env: &mut Env) -> Self {
        let (patience, times) = times(env);
        Self {
            listen: Self::listens(env),
            database: db::Config::read(env).of("api-gateway"),
            revocation: revocation::Config::read(env),
            identity: identity::Config::read(env),
            bounds: Bounds::read(env),
            patience,
            transport: edge::transport(env),
            cors: edge::cors(env),
            proxies: Proxies::read(env),
            body: BodyBounds {
                bytes: env.parsed("NEXO_BODY_LIMIT_BYTES", 1024 * 1024),
                pause: env.seconds("NEXO_BODY_READ_TIMEOUT_SECONDS", 10, 1..=300),
                patience: None,
            },
            limits: Settings::read(env),
            auth: upstream(env, "NEXO_AUTH_URL", "http://127.0.0.1:3001"),
            crm: upstream(env, "NEXO_CRM_URL", "http://127.0.0.1:3002"),
            times,
            rules: rules(env),
        }
    }

    /// What the handlers work with; it lets nobody in whose session `revocations` know to have ended. Asks for a Tokio runtime.
    #[must_use]
    pub fn app(&self, db: Db, verifier: Verifier, revocations: Revocations) -> App {
        let verifier = verifier.heeding(&revocations);
        let upstreams = Upstreams::new(&self.auth, &self.crm, self.times, self.rules);
        let keys = Keys::new(Clock::system(), revocations.clone());
        let limits = Limits::new(&self.limits, db.clone());
        App { db, verifier, revocations, upstreams, keys, body: self.body, limits }
    }
}

/// How long the gateway may take, and how long a service.
fn times(env: &mut Env) -> (Duration, Times) {
    const NAME: &str = "NEXO_REQUEST_TIMEOUT_SECONDS";
    let patience = env.seconds(NAME, 30, 1..=3600);
    let head = env.seconds("NEXO_UPSTREAM_TIMEOUT_SECONDS", 20, 1..=3600);
    if patience <= head {
        env.mistake(NAME, "is not more than NEXO_UPSTREAM_TIMEOUT_SECONDS: no service could be told to be slow");
    }
    (patience, Times { head, whole: env.seconds("NEXO_RESPONSE_TIMEOUT_SECONDS", 300, 1..=86400) })
}

/// One address, or several with commas between them.
fn upstream(env: &mut Env, name: &'static str, default: &str) -> Vec<Authority> {
    let told = env.or(name, default);
    let addresses: Option<Vec<_>> = told.split(',').map(|address| authority(address.trim())).collect();
    addresses.unwrap_or_else(|| {
        env.mistake(
            name,
            "is not an address such as http://auth-service:3001, or several with commas between them",
        );
        Vec::new()
    })
}

fn authority(address: &str) -> Option<Authority> {
    let address: Uri = address.parse().ok()?;
    let is_bare = address.scheme_str() == Some("http") && address.path() == "/" && address.query().is_none();
    address.into_parts().authority.filter(|_| is_bare)
}

fn rules(env: &mut Env) -> Rules {
    const NAME: &str = "NEXO_CIRCUIT_BREAKER_FAILURES";
    let failures = env.parsed(NAME, 5);
    if failures == 0 {
        env.mistake(NAME, "is 0: no address would ever be asked");
    }
    Rules { failures, rest: env.seconds("NEXO_CIRCUIT_BREAKER_OPEN_SECONDS", 1, 1..=30) }
}
