//! The check with which migrate and rollback end.

use migrate::{Migrations, examine};

use super::{Context, Target, scratch::Scratch};
use crate::say;

/// Looks for breaches of isolation, and for drift if `compare` is set and the server programs are installed here. Each
/// problem is told on standard error and returned.
pub(in crate::db) async fn run(
    context: &Context,
    target: &Target,
    migrations: &Migrations,
    compare: bool,
) -> anyhow::Result<Vec<String>> {
    let scratch = if compare { Scratch::if_installed(&target.migrator, &context.env).await? } else { None };
    if compare && scratch.is_none() {
        say::note(
            "the catalogue was not compared with what the migrations give, which needs PostgreSQL's server programs: \
             see `nexo db diff`",
        );
    }
    let scratch = scratch.as_ref().map(|scratch| &scratch.migrator);
    let problems = examine(&target.migrator, migrations, scratch).await?.problems();
    for problem in &problems {
        say::problem(problem);
    }
    Ok(problems)
}
