//! Data of one account: export, import, and restore from a backup.
//!
//! An archive is a tar file compressed with zstd: `manifest.json`, `schema/TABLE.json` (JSON Schema of a row) and
//! `data/TABLE.ndjson` (one row per line). `docs/operations/tenants.md` describes it.

mod access;
mod apply;
mod archive;
mod compare;
mod export;
mod history;
mod import;
mod lay_out;
mod look_up;
mod remap;
mod resources;
mod tables;

pub use access::RestoredAccess;
pub use apply::TenantRestore;
pub use archive::{ArchiveHeader, ArchivedPerson, OpenArchive, TableContent};
pub use compare::{Change, Difference};
pub use export::export;
pub use history::Operator;
pub use import::{ImportedTenant, import};
pub use resources::{RECORDED, RecordTable};
