//! Restores: from an archive to a verified database.

mod carry;
mod data;
mod exclusive;
mod kept_databases;
mod load;
mod shadow;
mod swap;

pub use exclusive::{Exclusive, LOCK_TIMEOUT};
pub use kept_databases::{KeptDatabase, Kind};
pub(crate) use load::{UnpackedDump, compare, lacks, load};
pub use shadow::ShadowDatabase;
pub use swap::SwapResult;
