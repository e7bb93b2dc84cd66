//! Exit codes that all commands share: see `docs/checklists.md`.

use ::backup::Error::{AtWork, Busy, Restoring};

use crate::confirm::{AccessNotConfirmed, NotConfirmed};

/// Exit code for a negative result: not current, different, or with findings.
pub(crate) const NO: u8 = 1;
/// Exit code for a failed command.
pub(crate) const FAILED: u8 = 2;
/// Exit code if another process is migrating, restoring or backing up.
pub(crate) const LOCKED: u8 = 3;
/// Exit code if the operator did not confirm.
pub(crate) const UNCONFIRMED: u8 = 4;

/// Exit code of a command that ended with this error.
pub(crate) fn of(error: &anyhow::Error) -> u8 {
    match error.downcast_ref() {
        Some(migrate::Error::Locked(_)) => LOCKED,
        _ if is_busy(error) => LOCKED,
        _ if error.is::<NotConfirmed>() || error.is::<AccessNotConfirmed>() => UNCONFIRMED,
        _ => FAILED,
    }
}

/// True if another command holds the lock that this one needs.
pub(crate) fn is_busy(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(AtWork(_) | Busy(_) | Restoring(_)))
}
