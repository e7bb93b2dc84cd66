//! How often somebody may ask, so that nobody has to feel a noisy neighbour.
//!
//! A [`Bucket`] holds so many permits and fills again at a steady [`Rate`] (GCRA: all that is kept of it is the moment at
//! which it is full again). With `REDIS_URL` all gateways share each bucket: a gateway leases a few permits in one call, and
//! hands them out without another. Without, or while Redis does not answer, each gateway keeps buckets of its own.

mod bucket;
mod buckets;
mod config;
mod gcra;
mod lease;
mod limiter;
mod places;
mod remote;
mod tally;

pub use bucket::Bucket;
pub use buckets::Buckets;
pub use config::Config;
pub use gcra::{Rate, Standing};
pub use limiter::{Decision, Limiter};
pub use places::{Place, Places};
pub use tally::Tally;
