//! `nexo db backup`, `backups`, `verify`, `restore`, `databases`, `drill`, `prune`, `pin` and `schedule`.

mod create;
mod databases;
mod drill;
mod list;
mod prune;
mod restore;
mod schedule;
mod verify;

use kernel::Clock;
use time::OffsetDateTime;

pub(super) use create::Backup;
pub(super) use databases::Databases;
pub(super) use drill::run as drill;
pub(super) use list::Backups;
pub(super) use prune::{Pin, Prune};
pub(super) use restore::{Restore, up_to_date};
pub(super) use schedule::Schedule;
pub(crate) use schedule::{keep, watch};
pub(super) use verify::Verify;

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(Clock::system().unix_seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Human-readable size in kB or MB.
fn size(bytes: u64) -> String {
    if bytes < 1_000_000 {
        format!("{} kB", bytes.div_ceil(1000))
    } else {
        format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
    }
}
