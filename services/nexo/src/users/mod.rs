//! `nexo users …`: what an operator does for a person.

mod reset_factor;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use kernel::Env;
use sqlx::{Connection as _, PgConnection};

use crate::db::Target;

/// People, as an operator helps them.
///
/// Exit codes: 0 done, 2 it could not be done.
#[derive(Debug, Args)]
pub(crate) struct Users {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Take away the second factor of somebody who has lost it, and their recovery codes with it.
    ///
    /// Be sure who they are, and not by a letter alone: whoever reads their mail would come in. Their sessions end, they are
    /// told by mail, and the security events of all their accounts say so.
    ResetFactor(reset_factor::ResetFactor),
}

pub(crate) async fn run(
    mut env: Env,
    Users { verb: Verb::ResetFactor(reset) }: Users,
) -> anyhow::Result<ExitCode> {
    let target = Target::find(&mut env).await?;
    let done = async {
        env.finish()?;
        let conn = PgConnection::connect_with(&target.migrator).await;
        let mut conn = conn.context("the database cannot be reached")?;
        let done = reset.run(&mut conn, &target.asked(None).actor).await;
        conn.close().await?;
        done
    };
    let done = done.await;
    target.leave().await?;
    done.map(|()| ExitCode::SUCCESS)
}
