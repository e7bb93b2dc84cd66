//! `nexo maintenance …`: read-only mode for a limited time.

mod until;

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use kernel::Env;
use serde::Serialize;
use serde_json::json;
use sqlx::{Connection as _, FromRow, PgConnection};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use until::Until;

use crate::{db::Target, operator_log, output};

/// Make the system read-only for a limited time; without a verb, show the present mode.
///
/// Writes are answered with 503, the reason, and `Retry-After`; logins and this command still work. Every replica
/// applies it from its next request. It ends automatically.
///
/// Exit codes: 0 done, 2 failed.
#[derive(Debug, Args)]
pub(crate) struct Maintenance {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Print the result as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start the maintenance, or change its end and reason. Waits for running writes.
    On {
        /// End of the maintenance: `2026-11-30T22:30:00Z`, or a duration such as `30m` or `2h`.
        #[arg(long, value_name = "TIME")]
        until: Until,
        /// Reason that clients are given.
        #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        reason: String,
    },
    /// End the maintenance now.
    Off,
}

/// State of the maintenance mode.
#[derive(Debug, Serialize, FromRow)]
struct MaintenanceState {
    on: bool,
    #[serde(with = "time::serde::rfc3339::option")]
    until: Option<OffsetDateTime>,
    reason: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    began_at: Option<OffsetDateTime>,
    actor: Option<String>,
}

const STANDING: &str = "select m.until is not null as on, m.until, m.reason, m.began_at, m.actor
    from (select 1) as one left join ops.maintenance m on m.until > now()";
const ON: &str = "insert into ops.maintenance (until, reason, actor) values ($1, $2, $3)
    on conflict (is_only) do update set until = excluded.until, reason = excluded.reason, actor = excluded.actor,
        began_at = case when maintenance.until > now() then maintenance.began_at else now() end";
const OFF: &str = "delete from ops.maintenance";
/// Counts the services' transactions that write; read-only ones have no transaction id.
const WRITERS: &str = "select count(*) from pg_stat_activity
    where datname = current_database() and usename in ('nexo_app', 'nexo_auth') and backend_xid is not null
      and xact_start < $1";
const DRAIN_TIMEOUT: Duration = Duration::from_secs(15);

pub(crate) async fn run(mut env: Env, Maintenance { verb, json }: Maintenance) -> anyhow::Result<ExitCode> {
    let target = Target::find(&mut env).await?;
    let done = async {
        env.finish()?;
        let conn = PgConnection::connect_with(&target.migrator).await;
        let mut conn = conn.context("the database cannot be reached")?;
        let actor = operator_log::actor();
        match verb {
            Some(Verb::On { until, reason }) => begin(&mut conn, until, &reason, &actor).await?,
            Some(Verb::Off) => end(&mut conn, &actor).await?,
            None => {}
        }
        show(&mut conn, json).await?;
        Ok(conn.close().await?)
    };
    let done: anyhow::Result<()> = done.await;
    target.leave().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn begin(conn: &mut PgConnection, until: Until, reason: &str, actor: &str) -> anyhow::Result<()> {
    let mut tx = conn.begin().await?;
    let (now,): (OffsetDateTime,) = sqlx::query_as("select now()").fetch_one(&mut *tx).await?;
    let until = until.after(now)?;
    sqlx::query(ON).bind(until).bind(reason).bind(actor).execute(&mut *tx).await?;
    let operation = format!("begin maintenance until {}", until.format(&Rfc3339)?);
    let card = json!({ "operation": operation, "reason": reason, "undo": "nexo maintenance off" });
    operator_log::note(&mut tx, actor, &operation, card).await?;
    tx.commit().await?;
    settle(conn).await
}

/// Waits for the writes that began before.
async fn settle(conn: &mut PgConnection) -> anyhow::Result<()> {
    let (begun,): (OffsetDateTime,) =
        sqlx::query_as("select clock_timestamp()").fetch_one(&mut *conn).await?;
    let end = tokio::time::Instant::now() + DRAIN_TIMEOUT;
    loop {
        let (writers,): (i64,) = sqlx::query_as(WRITERS).bind(begun).fetch_one(&mut *conn).await?;
        if writers == 0 {
            return Ok(());
        }
        if tokio::time::Instant::now() > end {
            output::note(&format!("{writers} writes that had begun before are not done yet"));
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn end(conn: &mut PgConnection, actor: &str) -> anyhow::Result<()> {
    let mut tx = conn.begin().await?;
    if sqlx::query(OFF).execute(&mut *tx).await?.rows_affected() > 0 {
        operator_log::note(&mut tx, actor, "end maintenance", json!({ "operation": "end maintenance" }))
            .await?;
    }
    Ok(tx.commit().await?)
}

async fn show(conn: &mut PgConnection, as_json: bool) -> anyhow::Result<()> {
    let standing: MaintenanceState = sqlx::query_as(STANDING).fetch_one(conn).await?;
    if as_json {
        return output::json(&standing);
    }
    let (Some(until), Some(reason)) = (standing.until, &standing.reason) else {
        output::line("maintenance is off: reads and writes are allowed");
        return Ok(());
    };
    output::line(&format!(
        "maintenance is on until {}: reads are allowed, writes are refused",
        until.format(&Rfc3339)?
    ));
    output::line(&format!("reason     {reason}"));
    output::line(&format!("begun by   {}", standing.actor.as_deref().unwrap_or("-")));
    Ok(())
}
