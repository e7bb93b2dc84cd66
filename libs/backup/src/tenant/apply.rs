use serde::Serialize;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

use super::{
    compare::{Change, compare},
    export::{close, declare, fetch, find},
    import::{insert, put, stage},
    tables::{self, Table},
};
use crate::{Beside, Error, tables::reader};

/// An account that is as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Which.
    pub account_id: Uuid,
    /// What was done to each table.
    pub changes: Vec<Change>,
}

/// History is never taken back: a restore is one more entry in it.
const KEPT: &[&str] = &["app.audit_log", "app.audit_chains"];
/// Rows that others point to, from tables that stay as they are: they are changed in place.
const IN_PLACE: &[&str] = &["app.accounts", "app.memberships"];

impl Beside {
    /// What bringing one account back to this backup would change.
    pub async fn differences(&self, live: &PgConnectOptions, account: &str) -> Result<Applied, Error> {
        let (mut then, mut now) = self.both(live).await?;
        let (account_id, ..) = find(&mut then, account).await?;
        let tables = restored(&mut now).await?;
        let changes = compare(&mut then, &mut now, &tables, account_id).await?;
        then.close().await?;
        now.close().await?;
        Ok(Applied { account_id, changes })
    }

    /// Brings one account of `live` back to what it was, in one transaction. No other account's row is touched, and
    /// what the account itself writes meanwhile stays.
    pub async fn apply(&self, live: &PgConnectOptions, account: &str) -> Result<Applied, Error> {
        let (mut then, mut now) = self.both(live).await?;
        then.execute("begin isolation level repeatable read, read only").await?;
        let (account_id, ..) = find(&mut then, account).await?;
        now.execute("begin isolation level repeatable read").await?;
        directory(&mut then, &mut now, account_id).await?;
        let tables = restored(&mut now).await?;
        let changes = compare(&mut then, &mut now, &tables, account_id).await?;
        for table in tables.iter().rev().filter(|table| !IN_PLACE.contains(&&*table.name)) {
            let delete = format!("delete from {} where account_id = $1", table.name);
            sqlx::query(AssertSqlSafe(delete)).bind(account_id).persistent(false).execute(&mut now).await?;
        }
        for table in &tables {
            stage(&mut now).await?;
            declare(&mut then, table, account_id).await?;
            loop {
                let mut lines = fetch(&mut then).await?;
                if lines.is_empty() {
                    break;
                }
                put(&mut now, &mut lines).await?;
            }
            close(&mut then).await?;
            if IN_PLACE.contains(&&*table.name) {
                in_place(&mut now, table, account_id).await?;
            } else {
                insert(&mut now, table, account_id).await?;
            }
        }
        now.execute("commit").await?;
        then.close().await?;
        now.close().await?;
        Ok(Applied { account_id, changes })
    }

    async fn both(&self, live: &PgConnectOptions) -> Result<(PgConnection, PgConnection), Error> {
        let then = PgConnection::connect_with(&reader(&self.options, "nexo-tenant then")).await?;
        Ok((then, PgConnection::connect_with(&reader(live, "nexo-tenant now")).await?))
    }
}

/// An account that is gone altogether gets its place back.
async fn directory(then: &mut PgConnection, now: &mut PgConnection, account: Uuid) -> Result<(), Error> {
    let (line,): (String,) =
        sqlx::query_as("select row_to_json(d)::text from app.account_directory d where account_id = $1")
            .bind(account)
            .fetch_one(then)
            .await?;
    let insert = sqlx::query(
        "insert into app.account_directory select r.* from json_populate_record(null::app.account_directory, $1::json) r
         on conflict (account_id) do nothing",
    );
    insert.bind(line).execute(now).await?;
    Ok(())
}

async fn restored(conn: &mut PgConnection) -> Result<Vec<Table>, sqlx::Error> {
    let mut tables = tables::all(conn).await?;
    tables.retain(|table| !KEPT.contains(&&*table.name));
    Ok(tables)
}

/// Those that were not there then go, the others become what they were.
async fn in_place(conn: &mut PgConnection, table: &Table, account: Uuid) -> Result<(), Error> {
    let (name, columns, values) = (&table.name, table.column_list(), table.values());
    let key = table.key.join(", ");
    let set: Vec<_> = table.columns.iter().map(|column| format!("{column} = excluded.{column}")).collect();
    let was = format!("select {key} from pg_temp.staged s, json_populate_record(null::{name}, s.line::json)");
    let delete = format!("delete from {name} where account_id = $1 and ({key}) not in ({was})");
    sqlx::query(AssertSqlSafe(delete)).bind(account).persistent(false).execute(&mut *conn).await?;
    let upsert = format!(
        "insert into {name} ({columns}) select {values} from pg_temp.staged s, json_populate_record(null::{name}, s.line::json) r
         on conflict ({key}) do update set {}",
        set.join(", ")
    );
    sqlx::query(AssertSqlSafe(upsert)).bind(account).persistent(false).execute(conn).await?;
    Ok(())
}
