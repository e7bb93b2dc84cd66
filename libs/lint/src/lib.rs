//! Mistakes in migrations that can be seen without a server: what a careful reader of each file would say.
//!
//! Rules about locks and lost data are those of squawk (<https://squawkhq.com/docs/rules>); rules about tenancy are our
//! own. One statement may be allowed to break one rule: `-- nexo:allow rule because reason` before it.

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

/// What is found in each file, in the order of the files. Later files are read with what earlier ones have made.
/// What is allowed is still in it: see [`settle`].
#[must_use]
pub fn check(migrations: &Migrations) -> Vec<Finding> {
    let mut known = known::Known::default();
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
