//! `GET /api/rate-limit`: what is left.

use std::sync::Arc;

use ::limits::{Bucket, Rate};
use axum::extract::State;
use http::HeaderMap;
use serde::Serialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};
use web::{ClientAddress, Json, RequestId, Result};

use super::{Charge, Kind, Limits, PART_OF_KEY, charge::whole_seconds};
use crate::{App, admit::admit_within};

/// What is left to whoever asks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RateLimit {
    /// The plan of the account: `free`, `starter`, `pro` or `enterprise`.
    #[schema(example = "starter")]
    plan: String,
    /// How many requests of the account may run at once at one gateway.
    #[schema(example = 32)]
    at_once: u32,
    /// How many run now, at this gateway.
    #[schema(example = 1)]
    running: u32,
    /// What a request of this caller may be charged to: to each of its scopes, as a read or as a write.
    buckets: Vec<Left>,
}

/// A bucket.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Left {
    /// Who shares it: `account`, or `key` for this API key alone.
    #[schema(example = "account")]
    scope: &'static str,
    /// What is charged to it: `read` (GET, HEAD, `POST …/search`, `POST …/preview`) or `write`.
    #[schema(example = "read")]
    kind: &'static str,
    /// How many requests it holds when it is full.
    #[schema(example = 1200)]
    limit: u32,
    /// How many it holds now.
    #[schema(example = 1197)]
    remaining: u32,
    /// Seconds until it is full.
    #[schema(example = 1)]
    reset: u32,
    /// How many it is given a minute.
    #[schema(example = 6000)]
    per_minute: u32,
}

/// Tell what is left.
///
/// It costs nothing.
#[utoipa::path(get, path = "/api/rate-limit", tag = "limits")]
pub(crate) async fn shown(
    State(app): State<Arc<App>>,
    id: RequestId,
    client: ClientAddress,
    headers: HeaderMap,
) -> Result<Json<RateLimit>> {
    let who = admit_within(&app, &headers, id, client, &mut Charge::default()).await?;
    let account = who.place.account()?;
    let (tenant, known) = app.limits.plans.of(account).await;
    let plan = &known.plan;
    let mut buckets = Vec::new();
    for kind in [Kind::Read, Kind::Write] {
        buckets.push(app.limits.left("account", kind, tenant.buckets.of(kind), plan.rate(kind)).await);
    }
    if let Some(key) = who.program.map(|key| app.limits.key(account, key)) {
        for kind in [Kind::Read, Kind::Write] {
            let rate = plan.rate(kind).part(PART_OF_KEY);
            buckets.push(app.limits.left("key", kind, key.of(kind), rate).await);
        }
    }
    let running = tenant.places.taken();
    Ok(Json(RateLimit { plan: plan.name.clone(), at_once: plan.at_once, running, buckets }))
}

impl Limits {
    async fn left(&self, scope: &'static str, kind: Kind, bucket: &Bucket, rate: Rate) -> Left {
        let standing = self.limiter.look(bucket, rate).await;
        Left {
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
#[openapi(paths(shown), components(schemas(RateLimit, Left)))]
struct Document;

/// The part of the API document that is the gateway's own.
pub(crate) fn document() -> serde_json::Result<Value> {
    serde_json::to_value(Document::openapi())
}
