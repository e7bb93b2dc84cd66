//! Checks at the end of migrate and rollback.

use migrate::{Migrations, examine};

use super::{Context, Target, temp_server::TempServer};
use crate::output;

/// Checks for breaches of isolation, and for drift if `compare` is set and the server programs are installed. Each
/// problem is printed on standard error and returned.
pub(in crate::db) async fn run(
    context: &Context,
    target: &Target,
    migrations: &Migrations,
    compare: bool,
) -> anyhow::Result<Vec<String>> {
    let scratch =
        if compare { TempServer::if_installed(&target.migrator, &context.env).await? } else { None };
    if compare && scratch.is_none() {
        output::note(
            "the catalogue was not compared with what the migrations give, which needs PostgreSQL's server programs: \
             see `nexo db diff`",
        );
    }
    let scratch = scratch.as_ref().map(|scratch| &scratch.migrator);
    let problems = examine(&target.migrator, migrations, scratch).await?.problems();
    for problem in &problems {
        output::problem(problem);
    }
    Ok(problems)
}
