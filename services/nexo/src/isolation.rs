//! `nexo isolation …`: verifies the isolation of accounts.

use std::process::ExitCode;

use clap::Subcommand;
use kernel::Env;

use crate::{db::Target, exit_code, output};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Verify that the catalogue lets no account access another's rows. Exit code 1: there are breaches.
    Verify {
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(crate) async fn run(mut env: Env, Command::Verify { json }: Command) -> anyhow::Result<ExitCode> {
    let target = Target::find(&mut env).await?;
    env.finish()?;
    let breaches = ::db::verify_isolation(&target.migrator).await;
    target.leave().await?;
    let breaches = breaches?;
    if json {
        output::line(&serde_json::to_string_pretty(&breaches)?);
    } else if breaches.is_empty() {
        output::line("the database keeps accounts apart: no rule is broken");
    }
    for breach in breaches.iter().filter(|_| !json) {
        output::line(&breach.to_string());
    }
    Ok(if breaches.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit_code::NO) })
}
