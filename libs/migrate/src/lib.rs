//! Migrations: one linear history of SQL files, applied once, by one process at a time.
//!
//! A file is `YYYYMMDD_HHMM_name.sql`. It is sent statement by statement on one dedicated connection, in one
//! transaction together with its row in `ops.migration_history`, so that it is there whole or not at all. Files that
//! say `-- nexo:no-transaction` (for `create index concurrently`) have their row before they begin, and go on at the
//! statement where they broke off. `docs/migrations.md` is the operator's guide.

mod backfill;
mod baseline;
mod catalogue;
mod error;
mod examine;
mod file;
mod history;
mod isolation;
mod locale;
mod losses;
mod missing;
mod pooler;
mod rehearse;
mod resolve;
mod rollback;
mod run;
mod status;
mod wait;

pub use backfill::{Filled, Pace, Progress, backfill};
pub use baseline::baseline;
pub use catalogue::{Difference, Drift, Thing, compare, diff, fingerprint, things};
pub use error::{Error, Stays};
pub use examine::{Examined, examine};
pub use file::{
    Allow, Backfill, Directives, FileError, LexError, Migration, Migrations, Release, Script, Statement,
    Version, down_template, duration, split, template,
};
pub use isolation::{Breach, breaches, verify_isolation};
pub use locale::{DatabaseLocale, LocaleProblem, locale_problem};
pub use losses::{Loss, losses};
pub use missing::Missing;
pub use pooler::{is_of_pooler, refuse_pooler};
pub use rehearse::{Lock, Rehearsed, Size, Stage, Step, Trace, rehearse};
pub use resolve::{Decision, Standing, Verdict, resolve, standing};
pub use rollback::rollback;
pub use run::lock::{BACKUP_LOCK, Holder, MIGRATION_LOCK, holder as lock_holder};
pub use run::{Broken, Event, HookError, Hooks, Listener, NoHooks, Outcome, Settings, Taken, migrate};
pub use status::{Decided, Line, State, Status, status};
pub use wait::wait;
