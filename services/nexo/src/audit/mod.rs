//! `nexo audit …`: whether the history of an account is what was written.

mod rebuild;
mod verify;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use kernel::Env;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::{db::Target, say};

/// The history of an account: chains of hashes, which break where an entry is changed, removed or put in.
///
/// Exit codes: 0 all is well, 1 something is wrong, 2 it could not be looked at.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Look for entries that were changed, removed or put in.
    Verify(verify::Verify),
    /// Make one new chain of everything that is there now, once you know why it does not hold.
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
    Ok(if done? { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The account that has this slug or this id, and its slug.
pub(crate) async fn account(conn: &mut PgConnection, named: &str) -> anyhow::Result<(Uuid, String)> {
    let found = sqlx::query_as(
        "select account_id, slug from app.account_directory where slug = $1 or account_id::text = $1",
    );
    let found = found.bind(named).fetch_optional(conn).await;
    let found = found.context("the accounts cannot be read: is the database migrated (`nexo db status`)?")?;
    found.with_context(|| format!("there is no account {named}: give its slug or its id"))
}

/// `1 entry`, `2 entries`
fn entries(count: i64) -> String {
    format!("{count} {}", if count == 1 { "entry" } else { "entries" })
}

/// Tells what was found, for the eyes of a person.
fn tell(lines: impl IntoIterator<Item = String>) {
    lines.into_iter().for_each(|line| say::line(&line));
}
