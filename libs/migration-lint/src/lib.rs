//! Static linter for migrations: findings that need no server.
//!
//! Rules about locks and data loss come from squawk (<https://squawkhq.com/docs/rules>); rules about tenancy are
//! our own. A comment `-- nexo:allow rule because reason` lets the next statement violate one rule.
//!
//! * [`check`] returns every [`Finding`] in the files, allowed ones included.
//! * [`settle`] removes the allowed ones, and reports comments that allow nothing.
//! * [`RULES`] lists all rules with their meaning.
//!
//! ```
//! use migrate::Migrations;
//!
//! let file = ("20260101_0900_drop_labels.sql".to_owned(), b"drop table app.labels;".to_vec());
//! let migrations = Migrations::from_files([file])?;
//! let scripts = migrations.iter().map(|migration| &migration.up);
//! let findings = migration_lint::settle(scripts, migration_lint::check(&migrations), false);
//! assert!(findings.iter().any(|finding| finding.rule == "ban-drop-table"));
//! # Ok::<(), migrate::Error>(())
//! ```

mod allow;
mod dropped;
mod finding;
mod known;
mod rules;
mod squawk;
mod tenancy;
mod tree;

use migrate::Migrations;

pub use allow::settle;
pub use finding::Finding;
pub use rules::{RULES, Rule};

/// Checks all files in order; later files are read with the objects of earlier ones. Findings include allowed
/// ones: see [`settle`].
#[must_use]
pub fn check(migrations: &Migrations) -> Vec<Finding> {
    let mut known = known::KnownObjects::default();
    let mut found = Vec::new();
    for migration in migrations.iter() {
        known.learn(&migration.up);
        found.extend(tenancy::check(&migration.up, &known));
        found.extend(squawk::check(&migration.up));
        if let Some(down) = &migration.down {
            found.extend(tenancy::check(down, &known));
        }
    }
    found
}
