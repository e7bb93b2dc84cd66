use std::{net::SocketAddr, time::Duration};

use db::Db;
use http::{
    HeaderName, HeaderValue, Method,
    header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, LOCATION, RETRY_AFTER},
};
use hyper::Uri;
use identity::Verifier;
use kernel::{Clock, Env};
use tower_http::cors::{AllowOrigin, CorsLayer};
use web::Proxies;

use crate::{App, Upstreams, keys::Keys};

/// The settings of the gateway.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Its database, as `nexo_app`.
    pub database: db::Config,
    /// How tokens are verified.
    pub identity: identity::Config,
    /// How long an answer may take.
    pub patience: Duration,
    /// Which pages of other origins may call.
    pub cors: CorsLayer,
    /// Whose word about the client's address is believed.
    pub proxies: Proxies,
    body_limit: usize,
    auth: Uri,
    crm: Uri,
}

impl Config {
    /// Reads every setting; `env.finish()?` then tells all that is wrong at once, by variable.
    pub fn read(env: &mut Env) -> Self {
        Self {
            listen: env.parsed("NEXO_GATEWAY_LISTEN", SocketAddr::from(([127, 0, 0, 1], 3000))),
            database: db::Config::read(env),
            identity: identity::Config::read(env),
            patience: Duration::from_secs(env.parsed("NEXO_UPSTREAM_SECONDS", 20)),
            cors: cors(env),
            proxies: Proxies::read(env),
            body_limit: env.parsed("NEXO_BODY_LIMIT_BYTES", 1024 * 1024),
            auth: upstream(env, "NEXO_AUTH_URL", "http://127.0.0.1:3001"),
            crm: upstream(env, "NEXO_CRM_URL", "http://127.0.0.1:3002"),
        }
    }

    /// What the handlers work with.
    #[must_use]
    pub fn app(&self, db: Db, verifier: Verifier) -> App {
        let upstreams = Upstreams::new(self.auth.clone(), self.crm.clone());
        App { db, verifier, upstreams, keys: Keys::new(Clock::system()), body_limit: self.body_limit }
    }
}

fn upstream(env: &mut Env, name: &'static str, default: &'static str) -> Uri {
    let address = env.parsed(name, Uri::from_static(default));
    if address.scheme_str() != Some("http") || address.authority().is_none() {
        env.mistake(name, "is not an address such as http://auth-service:3001");
    }
    address
}

/// `NEXO_CORS_ORIGINS`: origins with commas between them; none by default.
fn cors(env: &mut Env) -> CorsLayer {
    const NAME: &str = "NEXO_CORS_ORIGINS";
    let wanted = env.or(NAME, "");
    if wanted.trim() == "*" && env.production() {
        env.mistake(NAME, "is *: in production, name the origins of your front-end applications");
    }
    let origins: Vec<HeaderValue> = wanted
        .split(',')
        .map(str::trim)
        .filter(|origin| !origin.is_empty())
        .filter_map(|origin| origin.parse().ok())
        .collect();
    let origins = if wanted.trim() == "*" { AllowOrigin::any() } else { AllowOrigin::list(origins) };
    let own = ["idempotency-key", "x-request-id"].map(HeaderName::from_static);
    let told = ["idempotent-replayed", "x-request-id"].map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, IF_MATCH].into_iter().chain(own).collect::<Vec<_>>())
        .expose_headers([ETAG, LOCATION, RETRY_AFTER].into_iter().chain(told).collect::<Vec<_>>())
        .max_age(Duration::from_secs(600))
}
