//! Backups that count only after they were restored and compared.
//!
//! `pg_dump` of an exported snapshot, compressed, optionally encrypted, hashed; beside it a signed manifest with the row
//! count and the content hash of every table in that same snapshot. Exit codes and tables of contents prove nothing:
//! truncated, bit-flipped and empty dumps pass them. `docs/operations/backups.md` is the operator's guide.

mod archive;
mod choose;
mod config;
mod disk;
mod elsewhere;
mod error;
mod hooks;
mod libpq;
mod list;
mod make;
mod manifest;
mod metrics;
mod name;
mod origin;
mod restore;
mod retention;
mod schedule;
mod signed;
mod since;
mod source;
mod store;
mod tables;
pub mod tenant;
mod unchanged;
mod verify;
mod watch;

pub use choose::{Chosen, LATEST};
pub use config::Config;
pub use elsewhere::Elsewhere;
pub use error::Error;
pub use hooks::{around, on_boot};
pub use libpq::client;
pub use list::{Entry, Standing};
pub use make::{Order, Stored};
pub use manifest::{Archive, Extension, Made, Manifest, Table};
pub use name::Name;
pub use origin::Origin;
pub use restore::{Beside, Exclusive, Kept, Kind, Swapped};
pub use retention::{Decision, Fate, Keep};
pub use schedule::{Job, Plan, due};
pub use store::{Drill, Failed, Passed, Status};
pub use verify::{Level, Proof};
pub use watch::{Stage, Watch};
