use std::{net::SocketAddr, time::Duration};

use db::Db;
use http::{HeaderValue, Uri, uri::Authority};
use identity::Verifier;
use kernel::{Clock, Env};
use revocation::Revocations;
use tower_http::cors::CorsLayer;
use web::{ConnectionLimits, Proxies};

use crate::{
    App, Upstreams, edge,
    keys::ApiKeyCache,
    limits::{Limits, PLAN_TTL, Settings},
    upstream::{BodyBounds, BreakerConfig, UpstreamTimeouts},
};

/// Settings of the gateway.
#[derive(Debug, Clone)]
pub struct Config {
    /// Listen address of the gateway.
    pub listen: SocketAddr,
    /// Database connection, as `nexo_app`.
    pub database: db::Config,
    /// Settings of session revocation.
    pub revocation: revocation::Config,
    /// Settings of token verification.
    pub identity: identity::Config,
    /// Limits of its connections.
    pub bounds: ConnectionLimits,
    /// Timeout until a response begins.
    pub patience: Duration,
    /// `Strict-Transport-Security` header, if TLS is terminated in front of the gateway.
    pub transport: Option<HeaderValue>,
    /// CORS policy for pages of other origins.
    pub cors: Option<CorsLayer>,
    /// Proxies that are trusted with the client address.
    pub proxies: Proxies,
    /// Maximum age of a cached plan: a changed plan takes effect after this time and the next request.
    pub plan_ttl: Duration,
    body: BodyBounds,
    limits: Settings,
    auth: Vec<Authority>,
    crm: Vec<Authority>,
    times: UpstreamTimeouts,
    rules: BreakerConfig,
}

impl Config {
    /// Reads `NEXO_GATEWAY_LISTEN`.
    pub fn listens(env: &mut Env) -> SocketAddr {
        env.listen("NEXO_GATEWAY_LISTEN", 3000)
    }

    /// Reads all settings; `env.finish()?` then reports all errors at once, by variable.
    pub fn read(env: &mut Env) -> Self {
        let (patience, times) = times(env);
        Self {
            listen: Self::listens(env),
            database: db::Config::read(env).with_pool_name("api-gateway"),
            revocation: revocation::Config::read(env),
            identity: identity::Config::read(env),
            bounds: ConnectionLimits::read(env),
            patience,
            transport: edge::transport(env),
            cors: edge::cors(env),
            proxies: Proxies::read(env),
            plan_ttl: PLAN_TTL,
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

    /// Builds the state of the handlers; sessions in `revocations` are rejected. Requires a Tokio runtime.
    #[must_use]
    pub fn app(&self, db: Db, verifier: Verifier, revocations: Revocations) -> App {
        let verifier = verifier.with_revocations(&revocations);
        let upstreams = Upstreams::new(&self.auth, &self.crm, self.times, self.rules);
        let keys = ApiKeyCache::new(Clock::system(), revocations.clone());
        let limits = Limits::new(&self.limits, self.plan_ttl, db.clone());
        App { db, verifier, revocations, upstreams, keys, body: self.body, limits }
    }
}

/// Timeouts of the gateway and of upstream services.
fn times(env: &mut Env) -> (Duration, UpstreamTimeouts) {
    const NAME: &str = "NEXO_REQUEST_TIMEOUT_SECONDS";
    let patience = env.seconds(NAME, 30, 1..=3600);
    let head = env.seconds("NEXO_UPSTREAM_TIMEOUT_SECONDS", 20, 1..=3600);
    if patience <= head {
        env.report(
            NAME,
            "is not more than NEXO_UPSTREAM_TIMEOUT_SECONDS: no service could be told to be slow",
        );
    }
    (patience, UpstreamTimeouts { head, whole: env.seconds("NEXO_RESPONSE_TIMEOUT_SECONDS", 300, 1..=86400) })
}

/// Parses one or more comma-separated addresses.
fn upstream(env: &mut Env, name: &'static str, default: &str) -> Vec<Authority> {
    let told = env.string_or(name, default);
    let addresses: Option<Vec<_>> = told.split(',').map(|address| authority(address.trim())).collect();
    addresses.unwrap_or_else(|| {
        env.report(
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

fn rules(env: &mut Env) -> BreakerConfig {
    const NAME: &str = "NEXO_CIRCUIT_BREAKER_FAILURES";
    let failures = env.parsed(NAME, 5);
    if failures == 0 {
        env.report(NAME, "is 0: no address would ever be asked");
    }
    BreakerConfig { failures, rest: env.seconds("NEXO_CIRCUIT_BREAKER_OPEN_SECONDS", 1, 1..=30) }
}
