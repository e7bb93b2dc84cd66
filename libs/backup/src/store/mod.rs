//! Where backups are kept: a folder here, and perhaps a store far away.

mod local;
mod remote;
mod status;

pub(crate) use local::{Local, Partial};
pub(crate) use remote::Remote;
pub use status::{Drill, Failed, Passed, Status};

/// The files of one backup.
pub(crate) const ARCHIVE: &str = "archive";
/// The same without rows, which a restore needs before and after them.
pub(crate) const SCHEMA: &str = "schema";
pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const CATALOGUE: &str = "catalogue.json";
pub(crate) const STATUS: &str = "status.json";
