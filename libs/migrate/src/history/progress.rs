use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Progress of a backfill over a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Whether a complete pass found nothing to change.
    pub done: bool,
    /// Number of the current pass, from 0.
    pub pass: u32,
    /// Number of rows examined in all passes.
    pub seen: u64,
    /// Number of rows changed in all passes.
    pub changed: u64,
    /// Number of rows changed in this pass.
    pub(crate) changed_in_pass: u64,
    /// Last key of the previous batch: account and id.
    pub(crate) account: Option<Uuid>,
    pub(crate) id: Option<Uuid>,
}
