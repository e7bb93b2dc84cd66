//! Rows that belong to the deployment, not to a point in time: they are carried over when another database becomes
//! live.

use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions, types::Json};

use crate::Error;

/// The operator log is append-only. Rows are merged by key; the live database's row wins.
const LOG: &str = "
    insert into ops.operator_log select r.* from jsonb_populate_recordset(null::ops.operator_log, $1) r
    on conflict (id) do update set outcome = excluded.outcome";
/// Due times of scheduled jobs: with those of a backup, every job would be due at once.
const SCHEDULE: &str = "
    insert into ops.schedule select r.* from jsonb_populate_recordset(null::ops.schedule, $1) r
    on conflict (job) do update set next_at = excluded.next_at, started_at = excluded.started_at";
/// Maintenance mode stays enabled: the restoring operator is the reason for it.
const MAINTENANCE: &str = "
    insert into ops.maintenance select r.* from jsonb_populate_recordset(null::ops.maintenance, $1) r
    on conflict (is_only) do update
        set until = excluded.until, reason = excluded.reason, began_at = excluded.began_at, actor = excluded.actor";

/// Copies these tables. A failure is only logged: a missing or broken database must not stop an operator from
/// repairing it.
pub(super) async fn carry_over(from: &PgConnectOptions, to: &PgConnectOptions) {
    if let Err(failed) = try_to(from, to).await {
        tracing::warn!(error = %failed, "the operators' log of the earlier database stays in that one");
    }
}

async fn try_to(from: &PgConnectOptions, to: &PgConnectOptions) -> Result<(), Error> {
    let (mut from, mut to) = (PgConnection::connect_with(from).await?, PgConnection::connect_with(to).await?);
    for (table, statement) in
        [("ops.operator_log", LOG), ("ops.schedule", SCHEDULE), ("ops.maintenance", MAINTENANCE)]
    {
        if has(&mut from, table).await? && has(&mut to, table).await? {
            let question = format!("select coalesce(jsonb_agg(t), '[]') from {table} t");
            let (rows,): (Json<Box<RawValue>>,) =
                sqlx::query_as(AssertSqlSafe(question)).persistent(false).fetch_one(&mut from).await?;
            sqlx::query(statement).bind(rows).execute(&mut to).await?;
        }
    }
    from.close().await?;
    Ok(to.close().await?)
}

async fn has(conn: &mut PgConnection, table: &str) -> Result<bool, Error> {
    let (there,) = sqlx::query_as("select to_regclass($1) is not null").bind(table).fetch_one(conn).await?;
    Ok(there)
}
