//! `nexo isolation …`

use std::process::ExitCode;

use clap::Subcommand;
use kernel::Env;

use crate::{db::Target, say};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look for every way in which the catalogue could let one account reach another's rows. Exit code 1: there is one.
    Verify {
        /// As JSON.
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
        say::line(&serde_json::to_string_pretty(&breaches)?);
    } else if breaches.is_empty() {
        say::line("the database keeps accounts apart: no rule is broken");
    }
    for breach in breaches.iter().filter(|_| !json) {
        say::line(&breach.to_string());
    }
    Ok(if breaches.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
