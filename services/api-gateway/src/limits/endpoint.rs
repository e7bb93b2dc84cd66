//! Endpoint `GET /api/rate-limit`: remaining permits of the caller.

use std::sync::Arc;

use axum::extract::State;
use http::HeaderMap;
use rate_limit::{Bucket, Rate};
use serde::Serialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};
use web::{ClientAddress, Json, RequestId, Result};

use super::{Kind, Limits, PART_OF_KEY, RateLimitCharge, charge::whole_seconds};
use crate::{App, authenticate::admit_within};

/// Rate limits of the caller.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RateLimit {
    /// Plan of the account: `free`, `starter`, `pro` or `enterprise`.
    #[schema(example = "starter")]
    plan: String,
    /// Maximum number of concurrent requests of the account per gateway instance.
    #[schema(example = 32)]
    at_once: u32,
    /// Number of requests that are running now, at this gateway instance.
    #[schema(example = 1)]
    running: u32,
    /// Buckets of the caller. A request is charged to one bucket of each scope, according to its kind.
    buckets: Vec<RateLimitBucket>,
}

/// State of one token bucket.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RateLimitBucket {
    /// Scope of the bucket: `account` if it is shared, or `key` for this API key alone.
    #[schema(example = "account")]
    scope: &'static str,
    /// Kind of requests that are charged: `read` (GET, HEAD, `POST …/search`, `POST …/preview`) or `write`.
    #[schema(example = "read")]
    kind: &'static str,
    /// Capacity: number of requests when the bucket is full.
    #[schema(example = 1200)]
    limit: u32,
    /// Number of requests that are available now.
    #[schema(example = 1197)]
    remaining: u32,
    /// Seconds until the bucket is full.
    #[schema(example = 1)]
    reset: u32,
    /// Number of requests that are added per minute.
    #[schema(example = 6000)]
    per_minute: u32,
}

/// Show the caller's rate limits.
///
/// The request is not charged to any of the buckets.
#[utoipa::path(get, path = "/api/rate-limit", tag = "limits")]
pub(crate) async fn get_rate_limit(
    State(app): State<Arc<App>>,
    id: RequestId,
    client: ClientAddress,
    headers: HeaderMap,
) -> Result<Json<RateLimit>> {
    let who = admit_within(&app, &headers, id, client, &mut RateLimitCharge::default()).await?;
    let account = who.place.account()?;
    let (tenant, known) = app.limits.plans.get(account).await;
    let plan = &known.plan;
    let mut buckets = Vec::new();
    for kind in [Kind::Read, Kind::Write] {
        buckets.push(app.limits.left("account", kind, tenant.buckets.bucket(kind), plan.rate(kind)).await);
    }
    if let Some(key) = who.program.map(|key| app.limits.key(account, key)) {
        for kind in [Kind::Read, Kind::Write] {
            let rate = plan.rate(kind).part(PART_OF_KEY);
            buckets.push(app.limits.left("key", kind, key.bucket(kind), rate).await);
        }
    }
    let running = tenant.places.taken();
    Ok(Json(RateLimit { plan: plan.name.clone(), at_once: plan.at_once, running, buckets }))
}

impl Limits {
    async fn left(&self, scope: &'static str, kind: Kind, bucket: &Bucket, rate: Rate) -> RateLimitBucket {
        let standing = self.limiter.peek(bucket, rate).await;
        RateLimitBucket {
            scope,
            kind: if kind == Kind::Read { "read" } else { "write" },
            limit: standing.limit,
            remaining: standing.remaining,
            reset: whole_seconds(standing.reset),
            per_minute: rate.per_minute(),
        }
    }
}

#[derive(OpenApi)]
#[openapi(paths(get_rate_limit), components(schemas(RateLimit, RateLimitBucket)))]
struct Document;

/// API document of the gateway's own endpoints.
pub(crate) fn document() -> serde_json::Result<Value> {
    serde_json::to_value(Document::openapi())
}
