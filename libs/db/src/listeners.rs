use revocation::Revocations;

use crate::OutboxSignal;

/// Listeners that are notified after a commit.
#[derive(Default)]
pub(crate) struct Listeners {
    pub(crate) wake: OutboxSignal,
    pub(crate) revocations: Revocations,
}
