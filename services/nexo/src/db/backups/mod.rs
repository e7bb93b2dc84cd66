//! `nexo db backup`, `backups`, `verify`, `restore`, `drill`, `prune`, `pin` and `schedule`.

mod drill;
mod list;
mod prune;
mod restore;
mod schedule;
mod take;
mod verify;

pub(super) use drill::run as drill;
pub(super) use list::run as list;
pub(super) use prune::{Pin, Prune};
pub(super) use restore::Restore;
pub(super) use schedule::Schedule;
pub(crate) use schedule::{keep, watch};
pub(super) use take::Backup;
pub(super) use verify::Verify;

/// Sizes as people read them.
fn size(bytes: u64) -> String {
    if bytes < 1_000_000 {
        format!("{} kB", bytes.div_ceil(1000))
    } else {
        format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
    }
}
