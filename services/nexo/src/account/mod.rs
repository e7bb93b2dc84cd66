//! `nexo account …`: administration of accounts by an operator.

mod list;
mod plan;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use kernel::Env;
use sqlx::{Connection as _, PgConnection};

use crate::{db::Target, operator_log};

/// List accounts and change their plans.
///
/// Exit codes: 0 done, 2 failed.
#[derive(Debug, Args)]
pub(crate) struct Account {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the accounts: slugs (as other commands take them), plans, and numbers of members.
    List(list::List),
    /// Show the plan of an account and its limits, or set another plan.
    Plan(plan::SetPlan),
}

pub(crate) async fn run(mut env: Env, Account { verb }: Account) -> anyhow::Result<ExitCode> {
    let target = Target::find(&mut env).await?;
    let done = async {
        env.finish()?;
        let conn = PgConnection::connect_with(&target.migrator).await;
        let mut conn = conn.context("the database cannot be reached")?;
        let done = match verb {
            Verb::List(list) => list.run(&mut conn).await,
            Verb::Plan(plan) => plan.run(&mut conn, &operator_log::actor()).await,
        };
        conn.close().await?;
        done
    };
    let done = done.await;
    target.leave().await?;
    done.map(|()| ExitCode::SUCCESS)
}
