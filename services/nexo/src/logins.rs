//! `nexo logins …`: shows and lifts waits after failed logins.

use std::{net::IpAddr, process::ExitCode};

use anyhow::{Context as _, bail};
use auth_service::{Throttle, network};
use clap::{Args, Subcommand};
use identity::Secret;
use kernel::Env;
use serde::Serialize;
use serde_json::json;
use sqlx::{Connection as _, FromRow, PgConnection};

use crate::{db::Target, operator_log, output};

/// Show or lift waits after failed logins.
///
/// Exit codes: 0 done, 2 failed.
#[derive(Debug, Args)]
pub(crate) struct Logins {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the addresses that have to wait, and the number of such e-mails, which are stored as keyed hashes only.
    Waits {
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Lift the wait of an address, or of an e-mail (which needs `NEXO_SECRET`), and reset its attempts.
    Lift {
        /// Address, network or e-mail, such as `203.0.113.9`, `2001:db8:1:2::/64` or `ana@acme.test`.
        whose: String,
    },
}

/// An address that has to wait.
#[derive(Debug, Serialize, FromRow)]
struct BlockedLogin {
    address: String,
    attempts: i32,
    seconds: i32,
}

const WAITS: &str = "select address, attempts, ceil(extract(epoch from blocked_until - clock_timestamp()))::integer as seconds
     from app.login_attempts where address is not null and blocked_until > clock_timestamp() order by attempts desc, address limit 1000";
const OTHERS: &str =
    "select count(*) from app.login_attempts where address is null and blocked_until > clock_timestamp()";
const LIFT: &str = "update app.login_attempts set attempts = 0, blocked_until = null where address = $1 or key = $2 returning attempts";

pub(crate) async fn run(mut env: Env, Logins { verb }: Logins) -> anyhow::Result<ExitCode> {
    let target = Target::find(&mut env).await?;
    let done = async {
        let whose = match &verb {
            Verb::Waits { .. } => None,
            Verb::Lift { whose } => Some(WaitSubject::read(whose, &mut env)?),
        };
        env.snapshot()?;
        let conn = PgConnection::connect_with(&target.migrator).await;
        let mut conn = conn.context("the database cannot be reached")?;
        let done = match (verb, whose) {
            (Verb::Waits { json }, _) => show(&mut conn, json).await,
            (Verb::Lift { whose: name }, Some(whose)) => {
                lift(&mut conn, &name, &whose, &operator_log::actor()).await
            }
            (Verb::Lift { .. }, None) => Ok(()),
        };
        conn.close().await?;
        done
    };
    let done = done.await;
    target.leave().await?;
    done.map(|()| ExitCode::SUCCESS)
}

/// Subject of a wait, in the form of the table's columns.
enum WaitSubject {
    Address(String),
    Email(Vec<u8>),
}

impl WaitSubject {
    fn read(text: &str, env: &mut Env) -> anyhow::Result<Self> {
        if text.contains('@') {
            return Ok(Self::Email(Throttle::new(&Secret::read(env)).key_of_email(text)));
        }
        let address = text.strip_suffix("/64").unwrap_or(text).parse::<IpAddr>();
        let Ok(address) = address else { bail!("{text} is neither an address nor an e-mail") };
        Ok(Self::Address(network(address)))
    }
}

async fn show(conn: &mut PgConnection, as_json: bool) -> anyhow::Result<()> {
    let waiting: Vec<BlockedLogin> = sqlx::query_as(WAITS).fetch_all(&mut *conn).await?;
    let (others,): (i64,) = sqlx::query_as(OTHERS).fetch_one(conn).await?;
    if as_json {
        return output::json(&json!({ "addresses": waiting, "others": others }));
    }
    if waiting.is_empty() {
        output::line("no address has to wait");
    } else {
        output::line(&format!("{:<43} {:>8}  waits for", "address", "attempts"));
    }
    for BlockedLogin { address, attempts, seconds } in &waiting {
        output::line(&format!("{address:<43} {attempts:>8}  {seconds} s"));
    }
    output::line(&format!("{others} e-mails, codes and tokens have to wait: their names are not kept"));
    Ok(())
}

/// Needs no confirmation, since no data is lost. Recorded in the operator log.
async fn lift(conn: &mut PgConnection, name: &str, whose: &WaitSubject, actor: &str) -> anyhow::Result<()> {
    let (address, key) = match whose {
        WaitSubject::Address(address) => (Some(address), None),
        WaitSubject::Email(key) => (None, Some(key)),
    };
    let mut tx = conn.begin().await?;
    let lifted: Option<(i32,)> =
        sqlx::query_as(LIFT).bind(address).bind(key).fetch_optional(&mut *tx).await?;
    // The operation names an address, but an e-mail must not be logged.
    let operation = address
        .map_or("lift the wait of an e-mail".to_owned(), |address| format!("lift the wait of {address}"));
    let card = json!({ "operation": operation, "was_counted": lifted.is_some() });
    operator_log::note(&mut tx, actor, &operation, card).await?;
    tx.commit().await?;
    let outcome =
        if lifted.is_some() { "has to wait no more" } else { "was not counted: nothing was to be lifted" };
    output::line(&format!("{} {outcome}", address.map_or(name, String::as_str)));
    Ok(())
}
