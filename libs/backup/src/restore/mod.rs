//! From an archive to a database that was compared.

mod beside;
mod carry;
mod data;
mod exclusive;
mod kept;
mod load;
mod swap;

pub use beside::Beside;
pub use exclusive::Exclusive;
pub use kept::{Kept, Kind};
pub(crate) use load::{Unpacked, compare, lacks, load};
pub use swap::Swapped;
