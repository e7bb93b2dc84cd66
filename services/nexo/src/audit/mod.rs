//! `nexo audit …`: verifies the integrity of an account's audit log.

mod rebuild;
mod verify;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use kernel::Env;
use sqlx::{Connection as _, PgConnection};

use crate::{db::Target, exit_code, output};

/// Verify the audit log of an account: its hash chains break where an entry was changed, removed or inserted.
///
/// Exit codes: 0 intact or done, 1 faults found, 2 failed, 4 not confirmed.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Verify that no entry was changed, removed or inserted.
    Verify(verify::Verify),
    /// Rebuild the hash chain from the present entries, once the cause of the break is known.
    Rebuild(rebuild::Rebuild),
}

pub(crate) async fn run(mut env: Env, Audit { verb }: Audit) -> anyhow::Result<ExitCode> {
    let target = Target::find(&mut env).await?;
    let done = async {
        env.finish()?;
        let conn = PgConnection::connect_with(&target.migrator).await;
        let mut conn = conn.context("the database cannot be reached")?;
        let done = match verb {
            Verb::Verify(verify) => verify.run(&mut conn).await,
            Verb::Rebuild(rebuild) => rebuild.run(&mut conn, &target).await,
        };
        conn.close().await?;
        done
    };
    let done = done.await;
    target.leave().await?;
    Ok(if done? { ExitCode::SUCCESS } else { ExitCode::from(exit_code::NO) })
}

/// Count with noun: `1 entry`, `2 entries`.
fn entries(count: i64) -> String {
    format!("{count} {}", if count == 1 { "entry" } else { "entries" })
}

/// Prints the findings as text.
fn tell(lines: impl IntoIterator<Item = String>) {
    lines.into_iter().for_each(|line| output::line(&line));
}
