//! `nexo keys …`: the keys that sign access tokens.

mod list;
mod retire;
mod rotate;
mod store;

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use identity::{IssuerConfig, SealingKey, Secret, SigningKey};
use kernel::Env;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use time::{OffsetDateTime, macros::format_description};

use crate::{db::Target, exit_code, output};

/// Minimum age of a key before it signs; until then a service may not know it. Services fetch the keys every five
/// minutes, which is also their cache lifetime (`Cache-Control`). auth-service publishes a new key after ten seconds;
/// the rest allows for slow responses.
const LEARNT_AFTER: Duration = Duration::from_secs(360);

/// Manage the keys that sign access tokens: current, next and retired ones.
///
/// Exit codes: 0 done, 1 refused (the message says what to do first), 2 failed, 4 not confirmed.
#[derive(Debug, Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    verb: Verb,
    /// Print the result as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show every key: its state, its age, and the expiry of its last token.
    List,
    /// Sign with the next key from now on, and generate a new next key. Tokens of the old key stay valid until they
    /// expire.
    Rotate(rotate::Rotate),
    /// Revoke a key that does not sign (e.g. a leaked one). Its tokens are rejected immediately.
    Retire(retire::Retire),
}

/// Reasons to refuse a command.
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

/// State shared by all verbs.
struct KeysContext<'t> {
    env: Env,
    mint: IssuerConfig,
    conn: PgConnection,
    target: &'t Target,
    json: bool,
}

pub(crate) async fn run(env: Env, Keys { verb, json }: Keys) -> ExitCode {
    match work(env, verb, json).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes = output::causes(&error);
            output::problem(&causes);
            if json {
                let _ = output::json(&json!({ "error": causes })); // the exit code reports the failure as well
            }
            ExitCode::from(if error.is::<Refusal>() { exit_code::NO } else { exit_code::of(&error) })
        }
    }
}

async fn work(mut env: Env, verb: Verb, json: bool) -> anyhow::Result<()> {
    let mint = IssuerConfig::read(&mut env);
    let target = Target::find(&mut env).await?;
    let done = async {
        env.snapshot()?;
        let conn = PgConnection::connect_with(&target.migrator).await;
        let conn = conn.context("the database cannot be reached")?;
        KeysContext { env, mint, conn, target: &target, json }.run(verb).await
    };
    let done = done.await;
    target.leave().await?;
    done
}

impl KeysContext<'_> {
    async fn run(mut self, verb: Verb) -> anyhow::Result<()> {
        let done = match verb {
            Verb::List => list::list(&mut self).await,
            Verb::Rotate(how) => how.run(&mut self).await,
            Verb::Retire(what) => what.run(&mut self).await,
        };
        self.conn.close().await?;
        done
    }

    fn given(&self) -> anyhow::Result<Option<SigningKey>> {
        self.mint.given().context("NEXO_SIGNING_KEY cannot be used")
    }

    /// Reads the secret only for commands that seal keys: read-only commands work without one, and do not generate it.
    fn sealing(&mut self) -> anyhow::Result<SealingKey> {
        let secret = Secret::read(&mut self.env);
        self.env.snapshot()?;
        Ok(SealingKey::new(&secret)?)
    }
}

/// Human-readable time in UTC.
fn moment(at: OffsetDateTime) -> String {
    at.format(format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC")).unwrap_or_default()
}
