use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{Name, Origin, tables::Hashed};

/// The newest form of manifests that this release writes and reads.
///
/// 1: a table's hash is of whole rows. 2: of the columns that are written, so that a generated column may come out
/// otherwise on another release of PostgreSQL.
pub(crate) const FORMAT: u32 = 2;

/// What a backup is, and what must come out of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of this manifest.
    pub format: u32,
    /// The backup.
    pub name: Name,
    /// How it came about.
    pub made: Made,
    /// The file with the data.
    pub archive: Archive,
    /// The file with the schema alone.
    pub schema: Archive,
    /// The migration that the schema was at.
    pub schema_version: Option<String>,
    /// SHA-256 over the catalogue: tables, constraints, policies, grants.
    pub fingerprint: String,
    /// Roles that own or are granted something.
    pub roles: Vec<String>,
    /// Extensions that must be there.
    pub extensions: Vec<Extension>,
    /// Every table that holds rows, by name.
    pub tables: Vec<Table>,
}

/// When, where and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// When its snapshot was taken.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// How long it took.
    pub took_ms: u64,
    /// Who asked for it.
    pub actor: String,
    /// What it was taken for; `None`: a release before 0.2 made it, and its label tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The release that made it.
    pub nexo: String,
    /// As `server_version_num`, such as 170006.
    pub server: u32,
    /// The database.
    pub database: String,
    /// Its encoding, such as `UTF8`.
    pub encoding: String,
    /// `LC_COLLATE`.
    pub collate: String,
    /// `LC_CTYPE`.
    pub ctype: String,
    /// Its size on disk in bytes.
    pub database_bytes: u64,
}

/// The file with the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Its length.
    pub bytes: u64,
    /// SHA-256, in hex.
    pub sha256: String,
    /// The length of the dump inside.
    pub plain_bytes: u64,
    /// The age recipients that can read it; none: everybody who has the file.
    pub recipients: Vec<String>,
}

/// An extension of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What a table held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// With its schema, quoted where it must be.
    pub name: String,
    /// Rows.
    pub rows: i64,
    /// A hash of all rows, in any order.
    pub hash: String,
}

impl Manifest {
    /// Which columns the hashes of its tables are of.
    pub(crate) fn hashed(&self) -> Hashed {
        if self.format < 2 { Hashed::WholeRows } else { Hashed::WrittenColumns }
    }

    /// What it was taken for.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.made.origin.unwrap_or_else(|| Origin::of_label(self.name.label()))
    }

    /// Rows of all tables.
    #[must_use]
    pub fn rows(&self) -> i64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// The major release of the server, such as 17.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.made.server / 10_000
    }
}
