//! Undo log of imports: what each row did.

use std::collections::{HashMap, HashSet};

use db::{FromRow, Json as Column, TenantCommand, TenantQuery, TenantTx};
use resource::{RowAction, UndoItem, Undone, WrittenRow};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{apply::BatchResult, errors::FailedRow};
use crate::imports::{
    file::csv::TableRow,
    mapping::{CellError, Mapping},
};

const DID: TenantCommand = TenantCommand::new(
    "insert into app.import_rows (account_id, import_id, line, record_id, action, version, before)
     select $1, $2, d.line, d.record_id, d.action, d.version, d.before
     from jsonb_to_recordset($3) as d (line bigint, record_id uuid, action text, version bigint, before jsonb)",
);
const TOUCHED: TenantQuery = TenantQuery::new(
    "select distinct record_id from app.import_rows
     where account_id = $1 and import_id = $2 and record_id = any ($3) and action in ('created', 'updated')",
);
// `record_id = any ($3)` makes it use the index; a plain join would scan all entries of earlier batches.
const AGAIN: TenantCommand = TenantCommand::new(
    "update app.import_rows r set version = d.version
     from unnest($3::uuid[], $4::bigint[]) as d (record_id, version)
     where r.account_id = $1 and r.import_id = $2 and r.record_id = any ($3) and r.record_id = d.record_id",
);
const LINKED: TenantCommand = TenantCommand::new(
    "with did as (
         select d.*, f.line as first, f.touched
         from jsonb_to_recordset($3) as d (record_id uuid, version bigint, before jsonb),
         lateral (select min(r.line) as line, bool_or(r.action in ('created', 'updated')) as touched from app.import_rows r
                  where r.account_id = $1 and r.import_id = $2 and r.record_id = d.record_id) f
     )
     update app.import_rows r
     set version = d.version,
         action = case when not d.touched and r.line = d.first then 'updated' else r.action end,
         before = case when not d.touched and r.line = d.first then d.before else r.before end
     from did d
     where r.account_id = $1 and r.import_id = $2 and r.record_id = any ($4) and r.record_id = d.record_id",
);
const RECORDS: TenantQuery = TenantQuery::new(
    "select line, record_id from app.import_rows where account_id = $1 and import_id = $2 and line = any ($3)",
);
const TO_UNDO: TenantQuery = TenantQuery::new(
    "select line, record_id, action, version, before from app.import_rows
     where account_id = $1 and import_id = $2 and line < $3 and action in ('created', 'updated') order by line desc limit 500",
);

/// Records what rows did. `linking`: the second pass, on records that the first one has logged.
pub(super) async fn note(
    tx: &mut TenantTx,
    import: Uuid,
    mapping: &Mapping,
    linking: bool,
    taken: &BatchResult,
) -> db::Result<()> {
    let unchanged = mapping.has_deferred(); // may still be updated by the second pass
    for group in &taken.groups {
        let did = group.iter().filter(|(_, done)| unchanged || done.action != RowAction::Unchanged);
        let did: Vec<&(i64, WrittenRow)> = did.collect();
        if did.is_empty() {
            continue;
        }
        let touched = if linking { HashSet::new() } else { again(tx, import, &did).await? };
        let rows: Vec<Value> =
            did.iter().map(|(line, done)| noted(*line, done, touched.contains(&done.record))).collect();
        let statement = if linking { LINKED } else { DID };
        let statement = tx.execute_untracked::<()>(statement).bind(import).bind(Column(rows));
        let records: Vec<Uuid> = did.iter().map(|(_, done)| done.record).collect();
        if linking { statement.bind(records) } else { statement }.run().await?;
    }
    Ok(())
}

/// Records that an earlier row changed. That row holds the original values; here only the version moves on.
async fn again(tx: &mut TenantTx, import: Uuid, did: &[&(i64, WrittenRow)]) -> db::Result<HashSet<Uuid>> {
    let updated = did.iter().map(|(_, done)| done).filter(|done| done.action == RowAction::Updated);
    let updated: HashMap<Uuid, i64> = updated.map(|done| (done.record, done.version)).collect();
    if updated.is_empty() {
        return Ok(HashSet::new());
    }
    let records: Vec<Uuid> = updated.keys().copied().collect();
    let touched: Vec<(Uuid,)> = tx.read(TOUCHED).bind(import).bind(records).all().await?;
    let touched: HashSet<Uuid> = touched.into_iter().map(|(record,)| record).collect();
    let (records, versions): (Vec<Uuid>, Vec<i64>) =
        updated.into_iter().filter(|(record, _)| touched.contains(record)).unzip();
    if !records.is_empty() {
        tx.execute_untracked::<()>(AGAIN).bind(import).bind(records).bind(versions).run().await?;
    }
    Ok(touched)
}

fn noted(line: i64, done: &WrittenRow, again: bool) -> Value {
    let action = match done.action {
        RowAction::Created => LoggedAction::Created,
        RowAction::Updated if again => LoggedAction::Again,
        RowAction::Updated => LoggedAction::Updated,
        RowAction::Unchanged => LoggedAction::Unchanged,
    };
    json!({
        "line": line, "record_id": done.record, "action": action, "version": done.version, "before": done.before,
    })
}

/// The last entries before this line, in reverse order.
pub(super) async fn before(tx: &mut TenantTx, import: Uuid, line: i64) -> db::Result<Vec<UndoEntry>> {
    Ok(tx.read(TO_UNDO).bind(import).bind(line).all().await?)
}

/// The records that were written by these rows.
pub(super) async fn records(
    tx: &mut TenantTx,
    import: Uuid,
    lines: &[TableRow],
) -> db::Result<HashMap<i64, Uuid>> {
    let lines: Vec<i64> = lines.iter().map(|line| line.number).collect();
    let found: Vec<(i64, Uuid)> = tx.read(RECORDS).bind(import).bind(lines).all().await?;
    Ok(found.into_iter().collect())
}

/// What a row did to its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub(super) enum LoggedAction {
    Created,
    Updated,
    Unchanged,
    /// The row updated a record that an earlier row created or updated.
    Again,
}

db::text_enum!(LoggedAction);

/// An entry of the undo log.
#[derive(FromRow)]
pub(super) struct UndoEntry {
    pub(super) line: i64,
    record_id: Uuid,
    pub(super) action: LoggedAction,
    version: i64,
    before: Option<Value>,
}

/// Splits entries into line numbers and changes to revert.
pub(super) fn split(did: Vec<UndoEntry>) -> (Vec<i64>, Vec<UndoItem>) {
    let work = |one: UndoEntry| {
        (one.line, UndoItem { record: one.record_id, version: one.version, before: one.before })
    };
    did.into_iter().map(work).unzip()
}

/// Counts reverted changes; adds the others to `kept`, with their reason.
pub(super) fn tell(lines: &[i64], undone: &[Undone], kept: &mut Vec<FailedRow>) -> i64 {
    let mut count = 0;
    for (line, undone) in lines.iter().zip(undone) {
        let Err(reason) = undone else {
            count += 1;
            continue;
        };
        let wrong = CellError {
            column: None,
            pointer: String::new(),
            code: reason.code().to_owned(),
            message: reason.message().to_owned(),
        };
        kept.push(FailedRow { line: *line, wrong: vec![wrong], cells: Vec::new() });
    }
    count
}
