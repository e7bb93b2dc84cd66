use std::fmt;

use super::AppliedPart;
use crate::Breach;

/// Breaches that a file or a statement adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBreaches {
    /// Name of the migration file.
    pub file: String,
    /// Number of the statement that adds them, from 1; `None` for the file as a whole.
    pub statement: Option<usize>,
    /// Breaches that were added.
    pub breaches: Vec<Breach>,
    /// Part of the file that remains applied.
    pub stays: AppliedPart,
}

impl fmt::Display for NewBreaches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        self.statement.iter().try_for_each(|statement| write!(f, ", statement {statement}"))?;
        write!(f, ": accounts would not be kept apart any more:")?;
        self.breaches.iter().try_for_each(|breach| write!(f, "\n  {breach}"))?;
        write!(f, "{}", self.stays)
    }
}

impl NewBreaches {
    /// Message for the history.
    pub(super) fn for_history(&self) -> String {
        let breaches: Vec<_> = self.breaches.iter().map(ToString::to_string).collect();
        format!("accounts would not be kept apart any more: {}", breaches.join("; "))
    }
}
