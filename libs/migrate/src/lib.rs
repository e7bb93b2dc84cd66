//! Migrations: one linear history of SQL files, applied once, by one process at a time.
//!
//! A file is `YYYYMMDD_HHMM_name.sql`. It is sent statement by statement on one dedicated connection, in one
//! transaction together with its row in `ops.migration_history`, so that it is there whole or not at all. Files that
//! say `-- nexo:no-transaction` (for `create index concurrently`) have their row before they begin.

mod apply;
mod directive;
mod error;
mod file;
mod history;
mod hooks;
mod lexer;
mod lock;
mod migrations;
mod plan;
mod run;
mod session;
mod status;
mod wait;

pub use error::{Error, FileError};
pub use file::{Migration, Version};
pub use hooks::{HookError, Hooks, NoHooks};
pub use lexer::{LexError, Statement, split};
pub use lock::{BACKUP_LOCK, Holder, MIGRATION_LOCK};
pub use migrations::Migrations;
pub use run::{Outcome, Settings, migrate};
pub use status::{Line, State, Status, status};
pub use wait::wait;
