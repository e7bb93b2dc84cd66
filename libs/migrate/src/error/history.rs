use std::fmt;

use super::MissingMigration;
use crate::Version;

/// Contradiction between the history of a database and the migration files, or a damaged history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// A file was edited after it was applied.
    #[error(
        "{file} was edited after it had been applied (it was {applied}, it is {present}).\n\
         Put the file back as it was, and make the change in a new migration"
    )]
    Edited {
        /// Name of the migration file.
        file: String,
        /// Checksum that the history has.
        applied: String,
        /// Checksum of the present file.
        present: String,
    },
    /// A file was edited after it was partially applied.
    #[error(
        "{file} was edited after its first {done} statements had been done.\n\
         Put it back as it was and migrate again; or undo those statements by hand, then run \
         `nexo db resolve {version} --rolled-back --reason …` and migrate"
    )]
    EditedMidway {
        /// Name of the migration file.
        file: String,
        /// Number of statements already applied.
        done: usize,
        /// Version of the migration.
        version: Version,
    },
    /// The database has a migration that this program lacks.
    #[error("{0}")]
    Missing(MissingMigration),
    /// A file was renamed after it was applied.
    #[error(
        "{present} was applied as {applied}, and a file keeps its name once it is applied: name it {applied} again"
    )]
    Renamed {
        /// Name of the file when it was applied.
        applied: String,
        /// Current name of the file.
        present: String,
    },
    /// A pending file is older than an applied one.
    #[error(
        "{file} is older than {newest}, which is applied already: another database would get them in another order.\n\
         Give the file a later date"
    )]
    OutOfOrder {
        /// Name of the migration file.
        file: String,
        /// Version of the newest applied migration.
        newest: Version,
    },
    /// The schema exists, and the history has nothing that created it.
    #[error(
        "the schema app exists, and no migration is noted as applied, so this database was not made by migrations.\n\
         Adopt it with `nexo db baseline VERSION`, the newest version that it has; or give an empty database"
    )]
    NotAdopted,
    /// A file without transaction was interrupted at a statement whose effect is unknown.
    #[error(
        "{file} broke off at statement {statement}{reason}, which may have been done in part.\n\
         Look what it did. Then finish it by hand and run `nexo db resolve {version} --applied --reason …`,\n\
         or undo it by hand and run `nexo db resolve {version} --rolled-back --reason …`"
    )]
    Unfinished {
        /// Name of the migration file.
        file: String,
        /// Statement that was reached, from 1.
        statement: i32,
        /// Error message of the server, if known.
        reason: ServerMessage,
        /// Version of the migration.
        version: Version,
    },
    /// Rows of the history were modified.
    #[error(
        "ops.migration_history was changed by hand: {0}.\n\
         See with `nexo db diff` what the schema really is, then run \
         `nexo db resolve VERSION --applied --reason …` (or --rolled-back) for that row"
    )]
    Tampered(String),
}

/// Error message of the server, if known.
#[derive(Debug, Default)]
pub struct ServerMessage(pub Option<String>);

impl fmt::Display for ServerMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|reason| write!(f, " ({reason})"))
    }
}
