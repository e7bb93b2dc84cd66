//! Audit entries and events of an account's restore: one for each record.

use ::db::{Change, keep_as_operator};
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, FromRow, PgConnection};
use uuid::Uuid;

use super::{
    lay_out::laid_out,
    resources::{ACCOUNTS, MEMBERSHIPS, RecordTable, find},
    tables::Table,
};
use crate::Error;

/// Operator and backup of a restore, for the account's history.
#[derive(Debug, Clone)]
pub struct Operator {
    /// Name of the operator, as in the operator log.
    pub name: String,
    /// Name of the backup.
    pub backup: String,
}

/// Number of entries that are read, and written as one link of the audit chain, at a time.
const PAGE: i64 = 5_000;

/// Fields that differ, in the form that the services audit.
const DIFFERING: &str = "(select coalesce(jsonb_object_agg(e.key, e.value), '{}') from jsonb_each(ONE) e where OTHER -> e.key is distinct from e.value)";

/// Metadata columns that are no fields of the record.
const NO_FIELDS: &str = "'{id, created_at, created_by, deleted_at, deleted_by}'::text[]";

/// Entry about one record of a table.
#[derive(FromRow)]
struct Entry {
    id: Uuid,
    action: String,
    version: i64,
    before: Option<Value>,
    after: Option<Value>,
    payload: Value,
}

/// Writes entries for all differences, after the rows were changed.
pub(super) async fn note(
    now: &mut PgConnection,
    tables: &[Table],
    account: Uuid,
    by: &Operator,
) -> Result<(), Error> {
    for (at, table) in tables.iter().enumerate() {
        if let Some(recorded) = find(&table.name) {
            note_table(now, recorded, (table, at), account, by).await?;
        }
    }
    Ok(())
}

/// Writes the entries of one table page by page, so that memory stays bounded however many records differ.
async fn note_table(
    now: &mut PgConnection,
    recorded: &RecordTable,
    (table, at): (&Table, usize),
    account: Uuid,
    by: &Operator,
) -> Result<(), Error> {
    let mut last: Option<Uuid> = None;
    loop {
        let statement = AssertSqlSafe(entries(recorded, table, at));
        let page = sqlx::query_as::<_, Entry>(statement).bind(last.map(|id| id.to_string())).bind(PAGE);
        let page = page.persistent(false).fetch_all(&mut *now).await?;
        let Some(end) = page.last() else { return Ok(()) };
        last = Some(end.id);
        let changes: Vec<Change> = page.into_iter().map(|entry| change(recorded, entry, by)).collect();
        keep_as_operator(now, account.into(), &changes).await?;
    }
}

fn change(recorded: &RecordTable, entry: Entry, by: &Operator) -> Change {
    let RecordTable { table, area, resource, .. } = recorded;
    let Entry { id, action, version, before, after, payload } = entry;
    let action = match &*action {
        "removed" => "removed",
        "restored" => "restored",
        _ => "changed",
    };
    let after = if *table == ACCOUNTS { Some(restored_by(after, by)) } else { after };
    let mut change = Change::new(&format!("{area}.{resource}.{action}"), resource, id, action).at(version);
    if let Some(before) = before {
        change = change.from(before);
    }
    if let Some(after) = after {
        change = change.with(after);
    }
    change.with_payload(payload)
}

/// Adds operator and backup to the changed fields of the account.
fn restored_by(after: Option<Value>, by: &Operator) -> Value {
    let mut fields = match after {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    fields.insert("restored_by".to_owned(), by.name.clone().into());
    fields.insert("restored_from".to_owned(), by.backup.clone().into());
    Value::Object(fields)
}

/// Query for the entries of a table after the record `$1`, at most `$2`. A row absent from the backup is removed; one that exists again is
/// restored, from the trash or from deletion.
fn entries(recorded: &RecordTable, table: &Table, at: usize) -> String {
    let RecordTable { table: name, id, .. } = recorded;
    let action = match *name {
        ACCOUNTS => "'restored'",
        MEMBERSHIPS => {
            "case when d.kind = 'removed' then 'removed' when d.kind = 'added' then 'restored'
                  when d.was ->> 'status' = 'removed' then 'removed'
                  when d.now ->> 'status' = 'removed' then 'restored' else 'changed' end"
        }
        _ => {
            "case when d.kind = 'removed' then 'removed' when d.kind = 'added' then 'restored'
                  when (d.now ->> 'deleted_at') is null and (d.was ->> 'deleted_at') is not null then 'removed'
                  when (d.now ->> 'deleted_at') is not null and (d.was ->> 'deleted_at') is null then 'restored' else 'changed' end"
        }
    };
    let differing = |one: &str, other: &str| DIFFERING.replace("ONE", one).replace("OTHER", other);
    let (now, was) = (format!("(d.now - {NO_FIELDS})"), format!("(d.was - {NO_FIELDS})"));
    format!(
        "select d.key::uuid as id, a.action, coalesce(d.version, 1) as version,
             case d.kind when 'changed' then {before} when 'removed' then {now} end as before,
             case d.kind when 'changed' then {after} when 'added' then {was} end as after,
             coalesce((case when f.account_id is not null then {content} end) - {NO_FIELDS}, {now}) as payload
         from pg_temp.differences d cross join lateral (select {action} as action) a
         left join {laid_out} f on f.{id}::text = d.key
         where d.table_name = '{name}' and ($1::text is null or d.key > $1) order by d.key limit $2",
        before = differing(&now, &was),
        after = differing(&was, &now),
        content = table.content("f"),
        laid_out = laid_out(at),
    )
}
