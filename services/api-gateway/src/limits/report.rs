//! Rate limits of a caller, with what is left of them.

use kernel::{AccountId, SessionId};
use rate_limit::{Bucket, Rate};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Kind, Limits, PART_OF_KEY};
use crate::rate_limit_charge::whole_seconds;

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

impl Limits {
    /// Reports the limits of an account, and of its API key; charges nothing.
    pub(crate) async fn report(&self, account: AccountId, key: Option<SessionId>) -> RateLimit {
        let (tenant, known) = self.plans.get(account).await;
        let plan = &known.plan;
        let mut buckets = Vec::new();
        for kind in [Kind::Read, Kind::Write] {
            buckets.push(self.left("account", kind, tenant.buckets.bucket(kind), plan.rate(kind)).await);
        }
        if let Some(key) = key.map(|key| self.key(account, key)) {
            for kind in [Kind::Read, Kind::Write] {
                let rate = plan.rate(kind).part(PART_OF_KEY);
                buckets.push(self.left("key", kind, key.bucket(kind), rate).await);
            }
        }
        let running = tenant.places.taken();
        RateLimit { plan: plan.name.clone(), at_once: plan.at_once, running, buckets }
    }

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
