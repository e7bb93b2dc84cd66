//! One account's data: as a file that another NEXO can take, and as they were in a backup.
//!
//! An archive is a tar, compressed with zstd: `manifest.json`, `schema/TABLE.json` (JSON Schema of a row), and
//! `data/TABLE.ndjson`, a row a line. `docs/operations/tenants.md` describes it.

mod access;
mod apply;
mod archive;
mod compare;
mod export;
mod history;
mod import;
mod lay_out;
mod remap;
mod resources;
mod tables;

pub use access::Access;
pub use apply::{Applied, OPERATOR, Operator};
pub use archive::{About, Content, People, TableContent};
pub use compare::{Change, Difference};
pub use export::export;
pub use import::{Imported, import};
pub use resources::{RECORDED, Recorded};
