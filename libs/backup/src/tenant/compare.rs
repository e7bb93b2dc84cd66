use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::tables::Table;

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
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, added, changed, removed } = self;
        write!(f, "{table}: {} come back, {} change, {} go", added.len(), changed.len(), removed.len())
    }
}

/// Compares the rows of an account, by their keys: `then` and `now` are connections to the two databases.
pub(super) async fn compare(
    then: &mut PgConnection,
    now: &mut PgConnection,
    tables: &[Table],
    account: Uuid,
) -> Result<Vec<Change>, sqlx::Error> {
    let mut changes = Vec::new();
    for table in tables {
        let (then, mut now) = (hashes(then, table, account).await?, hashes(now, table, account).await?);
        let mut change =
            Change { table: table.name.clone(), added: Vec::new(), changed: Vec::new(), removed: Vec::new() };
        for (key, hash) in then {
            match now.remove(&key) {
                None => change.added.push(key),
                Some(other) if other != hash => change.changed.push(key),
                Some(_) => {}
            }
        }
        change.removed.extend(now.into_keys());
        if !(change.added.is_empty() && change.changed.is_empty() && change.removed.is_empty()) {
            changes.push(change);
        }
    }
    Ok(changes)
}

async fn hashes(
    conn: &mut PgConnection,
    table: &Table,
    account: Uuid,
) -> Result<BTreeMap<String, String>, sqlx::Error> {
    let key =
        table.key.iter().filter(|column| *column != "account_id").map(|column| format!("{column}::text"));
    let key = key.collect::<Vec<_>>().join(" || '/' || ");
    let key = if key.is_empty() { "account_id::text" } else { &key };
    let (columns, name) = (table.column_list(), &table.name);
    let question = format!(
        "select {key}, md5((select r::text from (select {columns}) r)) from {name} t where account_id = $1"
    );
    let rows: Vec<(String, String)> =
        sqlx::query_as(AssertSqlSafe(question)).bind(account).persistent(false).fetch_all(conn).await?;
    Ok(rows.into_iter().collect())
}
