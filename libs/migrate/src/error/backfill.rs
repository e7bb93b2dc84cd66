use crate::Version;

/// Reason why a backfill, or a migration that requires it, fails.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    /// The file requires a backfill that is not complete.
    #[error(
        "{file} needs the backfill of {version}, which has not ended: run `nexo db backfill`, then migrate again"
    )]
    Incomplete {
        /// Name of the file that requires it.
        file: String,
        /// Version of the migration that defines it.
        version: Version,
    },
    /// A backfill changed rows outside of its batch.
    #[error(
        "the backfill of {version} changed {changed} rows in a batch of {batch}: its statement must be limited to `account_id = $1 and id = any($2)`. The batch was rolled back"
    )]
    TooMuch {
        /// Version of the migration that defines it.
        version: Version,
        /// Number of rows that it changed.
        changed: u64,
        /// Number of rows in the batch.
        batch: usize,
    },
    /// A backfill finds rows to change in every pass.
    #[error(
        "the backfill of {0} still finds rows to change after many passes: are they written by a release that does not fill them, or does its statement change rows that are right already?"
    )]
    Endless(Version),
}
