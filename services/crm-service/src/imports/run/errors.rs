//! Errors of the rows of a file, as stored by the phases of its import.

use db::{Json as Column, TenantCommand, TenantTx};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::imports::{job_kind::ImportJobKind, mapping::CellError};

const KEEP: TenantCommand = TenantCommand::new(
    "insert into app.import_errors (account_id, import_id, phase, line, nth, column_name, pointer, code, message, cells)
     select $1, $2, $3, e.line, e.nth, e.column_name, e.pointer, e.code, e.message, e.cells
     from jsonb_to_recordset($4) as e (line bigint, nth integer, column_name text, pointer text, code text, message text, cells text[])
     on conflict do nothing",
);
const FORGET: TenantCommand = TenantCommand::new(
    "delete from app.import_errors where account_id = $1 and import_id = $2 and phase = $3",
);

/// Phase of an import, in which rows may fail.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::imports) enum Phase {
    Check,
    #[default]
    Run,
    Undo,
}

impl Phase {
    /// The phase as stored with each error.
    pub(in crate::imports) const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Run => "run",
            Self::Undo => "undo",
        }
    }
}

impl From<ImportJobKind> for Phase {
    fn from(kind: ImportJobKind) -> Self {
        match kind {
            ImportJobKind::Check => Self::Check,
            ImportJobKind::Run => Self::Run,
            ImportJobKind::Undo => Self::Undo,
        }
    }
}

/// A row that failed, with its errors.
#[derive(Debug)]
pub(super) struct FailedRow {
    pub(super) line: i64,
    pub(super) wrong: Vec<CellError>,
    pub(super) cells: Vec<String>,
}

/// Stores the errors of rows.
pub(super) async fn keep(
    tx: &mut TenantTx,
    import: Uuid,
    kind: ImportJobKind,
    bad: &[FailedRow],
) -> db::Result<()> {
    if bad.is_empty() {
        return Ok(());
    }
    let all = bad.iter().flat_map(|bad| {
        bad.wrong.iter().enumerate().map(|(nth, wrong)| {
            let cells = if nth == 0 { bad.cells.as_slice() } else { &[] };
            // PostgreSQL text cannot contain NUL.
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('\0', "\u{fffd}")).collect();
            json!({
                "line": bad.line, "nth": nth, "column_name": wrong.column, "pointer": wrong.pointer,
                "code": wrong.code, "message": wrong.message, "cells": cells,
            })
        })
    });
    let all: Vec<_> = all.collect();
    tx.execute_untracked::<()>(KEEP)
        .bind(import)
        .bind(Phase::from(kind).as_str())
        .bind(Column(all))
        .run()
        .await?;
    Ok(())
}

/// Deletes the errors of this phase.
pub(in crate::imports) async fn forget(
    tx: &mut TenantTx,
    import: Uuid,
    kind: ImportJobKind,
) -> db::Result<()> {
    tx.execute_untracked::<()>(FORGET).bind(import).bind(Phase::from(kind).as_str()).run().await?;
    Ok(())
}
