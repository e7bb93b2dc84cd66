//! Recovery: an operator's night, in the order of the documentation and in random orders.
//!
//! `make night` tries 200 orders; the test suite a few. `NEXO_NIGHT_SEED` replays them, `NEXO_NIGHT_ORDERS` sets their
//! number.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test should fail where it fails")]
#![expect(clippy::print_stdout, reason = "each step of an order is printed, so that it can be replayed")]
#![expect(clippy::disallowed_methods, reason = "a test reads its seed and its size from the environment")]

mod orders;
mod pairs;
#[path = "../faults/site.rs"]
#[expect(dead_code, reason = "it is shared with the other tests of faults")]
mod site;
mod story;
mod world;
