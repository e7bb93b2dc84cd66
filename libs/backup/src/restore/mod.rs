//! From an archive to a database that was compared.

mod beside;
mod data;
mod load;
mod swap;

pub use beside::Beside;
pub(crate) use load::{Unpacked, compare, lacks, load};
pub use swap::{Swapped, sweep, undo};
