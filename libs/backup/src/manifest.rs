use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{Name, Origin};

/// Newest manifest format that this release reads and writes.
///
/// Format 1 hashes whole rows. Format 2 hashes written columns only, because a generated column may differ on
/// another release of PostgreSQL.
pub(crate) const FORMAT: u32 = 2;

/// Manifest of a backup: its metadata, and what a restore must yield.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the manifest's format.
    pub format: u32,
    /// Name of the backup that it describes.
    pub name: Name,
    /// Circumstances of its creation.
    pub made: Provenance,
    /// Archive with data and schema.
    pub archive: Archive,
    /// Archive with the schema alone.
    pub schema: Archive,
    /// Migration version of the schema.
    pub schema_version: Option<String>,
    /// SHA-256 over the catalogue: tables, constraints, policies, grants.
    pub fingerprint: String,
    /// Roles that own objects or have grants.
    pub roles: Vec<String>,
    /// Extensions that the server must provide.
    pub extensions: Vec<Extension>,
    /// Every table with rows of its own, by name.
    pub tables: Vec<Table>,
}

/// Circumstances of a backup's creation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Time of the snapshot (UTC).
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Duration of the backup in milliseconds.
    pub took_ms: u64,
    /// Person or command that requested the backup.
    pub actor: String,
    /// Purpose of the backup; `None` if a release before 0.2 made it, so that the label decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// NEXO release that made the backup.
    pub nexo: String,
    /// Release of the server as `server_version_num`, such as 170006.
    pub server: u32,
    /// Name of the backed-up database.
    pub database: String,
    /// Encoding of the database, such as `UTF8`.
    pub encoding: String,
    /// Collation (`LC_COLLATE`) of the database.
    pub collate: String,
    /// Character classification (`LC_CTYPE`) of the database.
    pub ctype: String,
    /// Size of the database on disk in bytes.
    pub database_bytes: u64,
}

/// Metadata of an archive file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Length of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// Length of the uncompressed dump in bytes.
    pub plain_bytes: u64,
    /// age recipients that can decrypt it; empty if it is not encrypted.
    pub recipients: Vec<String>,
}

/// An extension of PostgreSQL and its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Extension {
    /// Name of the required extension.
    pub name: String,
    /// Version of the extension.
    pub version: String,
}

/// Content of a table, as row count and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Qualified name, quoted if necessary.
    pub name: String,
    /// Number of rows in the table.
    pub rows: i64,
    /// Hash over all rows, independent of their order.
    pub hash: String,
}

/// Columns that a hash covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HashedColumns {
    WholeRows,
    /// Written columns only: PostgreSQL recomputes generated columns, and another release may do so differently.
    WrittenColumns,
}

impl Manifest {
    /// Columns that the hashes of its tables cover.
    pub(crate) fn hashed(&self) -> HashedColumns {
        if self.format < 2 { HashedColumns::WholeRows } else { HashedColumns::WrittenColumns }
    }

    /// Purpose of the backup, from the manifest or else from its label.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.made.origin.unwrap_or_else(|| Origin::of_label(self.name.label()))
    }

    /// Total number of rows of all tables.
    #[must_use]
    pub fn rows(&self) -> i64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// Major release of the server, such as 17.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.made.server / 10_000
    }
}
