//! `nexo users …`: administration of users by an operator.

mod reset_factor;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use kernel::Env;
use sqlx::{Connection as _, PgConnection};

use crate::{db::Target, operator_log};

/// Help users who lost access.
///
/// Exit codes: 0 done, 2 failed.
#[derive(Debug, Args)]
pub(crate) struct Users {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Remove a user's lost second factor and its recovery codes.
    ///
    /// Verify the user's identity, and not by e-mail alone: an attacker who controls the mailbox could log in. The
    /// user's sessions end, they are notified by e-mail, and all their accounts get a security event.
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
        let done = reset.run(&mut conn, &operator_log::actor()).await;
        conn.close().await?;
        done
    };
    let done = done.await;
    target.leave().await?;
    done.map(|()| ExitCode::SUCCESS)
}
