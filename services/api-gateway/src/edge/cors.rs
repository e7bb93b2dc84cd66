use std::time::Duration;

use http::{
    HeaderName, HeaderValue, Method, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, LINK, LOCATION, RETRY_AFTER},
};
use kernel::Env;
use tower_http::cors::{AllowOrigin, CorsLayer};

const NAME: &str = "NEXO_CORS_ORIGINS";

/// Reads `NEXO_CORS_ORIGINS`, comma-separated origins. By default there are none, and no CORS headers are sent.
/// Credentials are never allowed: callers send a token of their own, which no browser adds.
pub(crate) fn cors(env: &mut Env) -> Option<CorsLayer> {
    let origins = origins(env)?;
    let told =
        ["idempotent-replayed", "x-request-id", "x-client-request-id", "ratelimit", "ratelimit-policy"];
    let told = told.into_iter().chain(["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]);
    let own = ["idempotency-key", "x-request-id"].map(HeaderName::from_static);
    let standard = [AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH];
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(standard.into_iter().chain(own).collect::<Vec<_>>())
        .expose_headers(
            [ETAG, LINK, LOCATION, RETRY_AFTER]
                .into_iter()
                .chain(told.map(HeaderName::from_static))
                .collect::<Vec<_>>(),
        )
        .max_age(Duration::from_secs(600));
    Some(layer)
}

fn origins(env: &mut Env) -> Option<AllowOrigin> {
    let wanted = env.optional(NAME)?;
    if wanted.trim() == "*" {
        if env.production() {
            env.report(NAME, "is *: in production, name the origins of your front-end applications");
        }
        return Some(AllowOrigin::any());
    }
    let named = wanted.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    let origins: Option<Vec<HeaderValue>> = named.map(origin).collect();
    if origins.is_none() {
        env.report(NAME, "holds something that is no origin, such as https://app.example.com");
    }
    origins.map(AllowOrigin::list)
}

/// Parses an origin as browsers send it: scheme, host, and a non-default port.
fn origin(text: &str) -> Option<HeaderValue> {
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?.as_str());
    let is_origin = ["http", "https"].contains(&scheme) && text == format!("{scheme}://{authority}");
    is_origin.then(|| text.parse().ok()).flatten()
}
