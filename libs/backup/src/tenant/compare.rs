//! What of an account is not as it was: found in the live database, beside whose rows those of the backup are laid.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor as _, FromRow, PgConnection};
use uuid::Uuid;

use super::{
    export::{close, declare, fetch},
    resources::MEMBERSHIPS,
    tables::Table,
};
use crate::Error;

/// What a restore of one account would do to one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The table.
    pub table: String,
    /// Rows that come back.
    pub added: Vec<String>,
    /// Rows that become what they were.
    pub changed: Vec<String>,
    /// Rows that go, as they were not there then.
    pub removed: Vec<String>,
    /// Each of them, with what it holds now and what it held then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Difference>,
}

/// One row that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct Difference {
    /// Its table.
    #[serde(skip)]
    pub table_name: String,
    /// Its key within the account.
    pub key: String,
    /// `added`, `changed` or `removed`.
    pub kind: String,
    /// What it holds now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<Value>,
    /// What it held then.
    #[serde(rename = "then", skip_serializing_if = "Option::is_none")]
    pub was: Option<Value>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, added, changed, removed, .. } = self;
        write!(f, "{table}: {} come back, {} change, {} go", added.len(), changed.len(), removed.len())
    }
}

/// The rows of a backup, and what differs.
const SCRATCH: &str = "
    create temporary table then_rows (table_name text not null, line text not null) on commit drop;
    create temporary table differences (table_name text not null, key text not null, kind text not null, now jsonb, was jsonb,
        version bigint, primary key (table_name, key)) on commit drop";

/// Compares the rows of an account in `then`, a database made from a backup, with those in `now`, in whose transaction
/// `pg_temp.then_rows` and `pg_temp.differences` are left.
pub(super) async fn compare(
    then: &mut PgConnection,
    now: &mut PgConnection,
    tables: &[Table],
    account: Uuid,
) -> Result<Vec<Change>, Error> {
    now.execute(SCRATCH).await?;
    for table in tables {
        bring(then, now, table, account).await?;
    }
    now.execute("create index on pg_temp.then_rows (table_name); analyze pg_temp.then_rows").await?;
    for table in tables {
        let statement = AssertSqlSafe(differ(table));
        sqlx::query(statement).bind(account).bind(&table.name).persistent(false).execute(&mut *now).await?;
    }
    changes(now, tables).await
}

async fn bring(
    then: &mut PgConnection,
    now: &mut PgConnection,
    table: &Table,
    account: Uuid,
) -> Result<(), sqlx::Error> {
    declare(then, table, account).await?;
    loop {
        let lines = fetch(then).await?;
        if lines.is_empty() {
            return close(then).await;
        }
        let insert = sqlx::query("insert into pg_temp.then_rows select $1, unnest($2)");
        insert.bind(&table.name).bind(&lines).execute(&mut *now).await?;
    }
}

/// A person who has joined since then stays as one who was removed: what they have done points at them.
fn differ(table: &Table) -> String {
    let Table { name, .. } = table;
    let joined: Vec<_> = table.key.iter().map(|column| format!("t.{column} = n.{column}")).collect();
    let gone =
        if name == MEMBERSHIPS { " and not (t.account_id is null and n.status = 'removed')" } else { "" };
    format!(
        "with t as (select r.* from pg_temp.then_rows s, json_populate_record(null::{name}, s.line::json) r where s.table_name = $2),
              n as (select * from {name} where account_id = $1),
              pairs as (select coalesce({then_key}, {now_key}) as key, t.account_id is null as fresh, n.account_id is null as missing,
                               case when n.account_id is not null then {now} end as now, case when t.account_id is not null then {was} end as was
                        from t full join n on {on} where true{gone})
         insert into pg_temp.differences (table_name, key, kind, now, was)
         select $2, key, case when missing then 'added' when fresh then 'removed' else 'changed' end, now, was
         from pairs where now is distinct from was",
        then_key = table.key_text("t"),
        now_key = table.key_text("n"),
        now = table.content("n"),
        was = table.content("t"),
        on = joined.join(" and "),
    )
}

/// What was found, by table.
async fn changes(now: &mut PgConnection, tables: &[Table]) -> Result<Vec<Change>, Error> {
    let found: Vec<Difference> = sqlx::query_as(
        "select table_name, key, kind, now, was from pg_temp.differences order by table_name, key",
    )
    .fetch_all(now)
    .await?;
    let of = |table: &Table| {
        let rows: Vec<Difference> =
            found.iter().filter(|one| one.table_name == table.name).cloned().collect();
        let keys =
            |kind: &str| rows.iter().filter(|one| one.kind == kind).map(|one| one.key.clone()).collect();
        let (added, changed, removed) = (keys("added"), keys("changed"), keys("removed"));
        Change { table: table.name.clone(), added, changed, removed, rows }
    };
    Ok(tables.iter().map(of).filter(|change| !change.rows.is_empty()).collect())
}
