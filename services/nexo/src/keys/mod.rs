//! `nexo keys …`: the keys that sign access tokens.

mod kept;
mod list;
mod retire;
mod rotate;

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use identity::{Mint, SealingKey, Secret};
use kernel::Env;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use time::{OffsetDateTime, macros::format_description};

use crate::{db::Target, say};

/// How old a key must be before it signs: until then a service may not know it. Services ask for the keys every five
/// minutes, which is also how long others may keep them (`Cache-Control`); auth-service publishes a new one after ten
/// seconds; the rest is for slow answers.
const LEARNT_AFTER: Duration = Duration::from_secs(360);

/// The key that signs access tokens, the next one, and those that signed before.
///
/// Exit codes: 0 done, 1 refused (the message says what to do first), 2 it could not be done.
#[derive(Debug, Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    verb: Verb,
    /// Answer as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show every key: its state, its age, and until when its tokens can be alive.
    List,
    /// Sign with the next key from now on, and make another next one. Tokens of the old key stay good until they expire.
    Rotate(rotate::Rotate),
    /// End a key that does not sign, such as one that leaked: its tokens are refused, expired or not.
    Retire(retire::Retire),
}

/// A rule says no.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(
        "NEXO_SIGNING_KEY is set: that key signs, whatever the database keeps. Take it out of the settings of every auth-service and start them again, then rotate here"
    )]
    Given,
    #[error("there are no keys yet: auth-service makes them when it starts")]
    NoKeys,
    #[error(
        "the next key is {age} s old, and a service may not know it before it is {wanted} s old: try again in {wait} s, or give --now if it cannot wait"
    )]
    Young { age: i64, wanted: u64, wait: i64 },
    #[error(
        "the keys of the database are sealed under another NEXO_SECRET: give the one that auth-service has. If it is lost or has leaked, `nexo keys rotate --replace-all` ends every token and makes new keys"
    )]
    OtherSecret,
    #[error("there is no key {0}: see `nexo keys list`")]
    Unknown(String),
    #[error("{0} signs: run `nexo keys rotate` first (with --now if it cannot wait), then retire it")]
    Signs(String),
}

/// What every verb needs.
struct Office {
    env: Env,
    mint: Mint,
    conn: PgConnection,
    json: bool,
}

pub(crate) async fn run(env: Env, Keys { verb, json }: Keys) -> ExitCode {
    match work(env, verb, json).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes = say::causes(&error);
            say::problem(&causes);
            if json {
                let _ = say::json(&json!({ "error": causes })); // the exit code tells as well
            }
            ExitCode::from(if error.is::<Refusal>() { 1 } else { 2 })
        }
    }
}

async fn work(mut env: Env, verb: Verb, json: bool) -> anyhow::Result<()> {
    let mint = Mint::read(&mut env);
    let target = Target::find(&mut env).await?;
    let done = async {
        env.so_far()?;
        let conn = PgConnection::connect_with(&target.migrator).await;
        let conn = conn.context("the database cannot be reached")?;
        Office { env, mint, conn, json }.run(verb).await
    };
    let done = done.await;
    target.leave().await?;
    done
}

impl Office {
    async fn run(mut self, verb: Verb) -> anyhow::Result<()> {
        let done = match verb {
            Verb::List => list::list(&mut self).await,
            Verb::Rotate(how) => how.run(&mut self).await,
            Verb::Retire(what) => what.run(&mut self).await,
        };
        self.conn.close().await?;
        done
    }

    /// Read by those alone who seal: whoever only looks may have no secret, and none is made for them.
    fn sealing(&mut self) -> anyhow::Result<SealingKey> {
        let secret = Secret::read(&mut self.env);
        self.env.so_far()?;
        Ok(SealingKey::new(&secret)?)
    }
}

/// A moment, as an operator reads it.
fn moment(at: OffsetDateTime) -> String {
    at.format(format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC")).unwrap_or_default()
}
