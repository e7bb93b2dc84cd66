//! Comparison of an account with a backup, computed in the live database with the backup's rows in a temporary
//! table.

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

/// Changes that the restore of an account makes to one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Qualified name of the table.
    pub table: String,
    /// Keys of rows that come back: inserted again, or out of the trash.
    pub added: Vec<String>,
    /// Keys of rows that get their former values.
    pub changed: Vec<String>,
    /// Keys of rows that go, because the backup does not have them or has them in the trash.
    pub removed: Vec<String>,
    /// All of these rows, with their present and former values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Difference>,
}

/// Difference in one row between live database and backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct Difference {
    /// Qualified name of the table.
    #[serde(skip)]
    pub table_name: String,
    /// Key of the row within the account.
    pub key: String,
    /// Kind of change: `added`, `changed` or `removed`.
    pub kind: String,
    /// Present values; `None` if the row does not exist now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<Value>,
    /// Values in the backup; `None` if the row did not exist then.
    #[serde(rename = "then", skip_serializing_if = "Option::is_none")]
    pub was: Option<Value>,
}

impl Difference {
    /// What the change means for the account: a row in the trash, or a removed member, is as good as none.
    fn effect(&self) -> &str {
        let is_gone = |row: &Value| {
            row.get("deleted_at").is_some_and(|at| !at.is_null())
                || self.table_name == MEMBERSHIPS
                    && row.get("status").is_some_and(|status| status == "removed")
        };
        match (&self.now, &self.was) {
            (Some(now), Some(was)) if is_gone(now) && !is_gone(was) => "added",
            (Some(now), Some(was)) if !is_gone(now) && is_gone(was) => "removed",
            _ => &self.kind,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, added, changed, removed, .. } = self;
        write!(f, "{table}: {} come back, {} change, {} go", added.len(), changed.len(), removed.len())
    }
}

/// Temporary tables for the rows of the backup, and for the differences.
const SCRATCH: &str = "
    create temporary table then_rows (table_name text not null, line text not null) on commit drop;
    create temporary table differences (table_name text not null, key text not null, kind text not null, now jsonb, was jsonb,
        version bigint, primary key (table_name, key)) on commit drop";

/// Compares the rows of an account in `then` (a restored backup) with those in `now`. Leaves `pg_temp.then_rows`
/// and `pg_temp.differences` in the transaction of `now`.
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

/// Statement that finds the differences of a table. A member who joined since the backup is kept as removed,
/// because their actions reference them.
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

/// Changes of each table, from the differences.
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
            |kind: &str| rows.iter().filter(|one| one.effect() == kind).map(|one| one.key.clone()).collect();
        let (added, changed, removed) = (keys("added"), keys("changed"), keys("removed"));
        Change { table: table.name.clone(), added, changed, removed, rows }
    };
    Ok(tables.iter().map(of).filter(|change| !change.rows.is_empty()).collect())
}
