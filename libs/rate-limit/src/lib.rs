//! Rate limiting, so that one account cannot slow down others.
//!
//! With `REDIS_URL` gateways share each bucket. A gateway leases some permits in one call and grants them locally.
//! Without Redis, or during an outage, each gateway has its own buckets.
//!
//! * [`Bucket`] holds permits that accrue at a steady [`Rate`] (GCRA: its only state is the time at which it is full).
//! * [`Limiter`] takes permits, and never fails: its [`Decision`] is local while Redis is down.
//! * [`ConcurrencyLimit`] bounds how many requests run at once.
//!
//! ```
//! use rate_limit::{Bucket, Limiter, Rate};
//!
//! #[tokio::main]
//! async fn main() {
//!     let (limiter, account) = (Limiter::local(), Bucket::new("account"));
//!     let rate = Rate::new(60, 1); // 60 per minute, one at once
//!     assert!(limiter.take(&account, rate).await.allowed);
//!     assert!(!limiter.take(&account, rate).await.allowed);
//! }
//! ```

mod bucket;
mod buckets;
mod concurrency;
mod config;
mod decision;
mod decision_counter;
mod gcra;
mod lease;
mod limiter;
mod remote;

pub use bucket::Bucket;
pub use buckets::Buckets;
pub use concurrency::{ConcurrencyLimit, ConcurrencyPermit};
pub use config::Config;
pub use decision::Decision;
pub use decision_counter::DecisionCounter;
pub use gcra::{BucketState, Rate};
pub use limiter::Limiter;
