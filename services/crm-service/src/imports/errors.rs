//! What is wrong with the lines of a file: kept, listed, and given back as a file to be put right.

use std::collections::BTreeMap;

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use db::{PageInfo, Scoped, ScopedWrite, TenantTx};
use futures::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Serialize;
use serde_json::json;
use sqlx::{FromRow, types::Json as Column};
use tokio::sync::mpsc;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{RefOr, ResponseBuilder},
};
use uuid::Uuid;
use web::{Error, Json, May, Path, Query, Read, Result};

use super::{CHECK, Imports, RUN, query::Asked, rows::Bad, show};

const KEEP: ScopedWrite = ScopedWrite::new(
    "insert into app.import_errors (account_id, import_id, phase, line, nth, column_name, pointer, code, message, cells)
     select $1, $2, $3, e.line, e.nth, e.column_name, e.pointer, e.code, e.message, e.cells
     from jsonb_to_recordset($4) as e (line bigint, nth integer, column_name text, pointer text, code text, message text, cells text[])
     on conflict do nothing",
);
const FORGET: ScopedWrite =
    ScopedWrite::new("delete from app.import_errors where account_id = $1 and import_id = $2 and phase = $3");
const SOME: Scoped = Scoped::new(
    "select line, nth, column_name, pointer, code, message from app.import_errors
     where account_id = $1 and import_id = $2 and phase = $3 and (line, nth) > ($4, $5) order by line, nth limit $6",
);
const LINES: Scoped = Scoped::new(
    "select line, string_agg(column_name, ', ' order by nth), string_agg(message || ' (' || code || ')', '; ' order by nth), max(cells)
     from app.import_errors
     where account_id = $1 and import_id = $2 and phase = $3 and line > $4 group by line order by line limit $5",
);
/// Lines of the file that are read at once.
const PAGE: i64 = 1_000;

/// Which stage of an import a kind of jobs is.
pub(super) fn phase(kind: &str) -> &'static str {
    match kind {
        CHECK => "check",
        RUN => "run",
        _ => "undo",
    }
}

/// Keeps what is wrong with lines.
pub(super) async fn keep(tx: &mut TenantTx, import: Uuid, kind: &str, bad: &[Bad]) -> db::Result<()> {
    if bad.is_empty() {
        return Ok(());
    }
    let all = bad.iter().flat_map(|bad| {
        bad.wrong.iter().enumerate().map(|(nth, wrong)| {
            let cells = if nth == 0 { bad.cells.as_slice() } else { &[] };
            // PostgreSQL keeps no NUL.
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('\0', "\u{fffd}")).collect();
            json!({
                "line": bad.line, "nth": nth, "column_name": wrong.column, "pointer": wrong.pointer,
                "code": wrong.code, "message": wrong.message, "cells": cells,
            })
        })
    });
    let all: Vec<_> = all.collect();
    tx.write_unnoted::<()>(KEEP).bind(import).bind(phase(kind)).bind(Column(all)).run().await?;
    Ok(())
}

/// Forgets what was wrong at this stage.
pub(super) async fn forget(tx: &mut TenantTx, import: Uuid, kind: &str) -> db::Result<()> {
    tx.write_unnoted::<()>(FORGET).bind(import).bind(phase(kind)).run().await?;
    Ok(())
}

/// What is wrong with a line.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct ImportError {
    /// The line of the file, counted from 1.
    line: i64,
    #[serde(skip)]
    nth: i32,
    /// The column at fault, where it is one.
    #[serde(rename = "column")]
    column_name: Option<String>,
    /// The field at fault.
    pointer: String,
    /// Which rule is broken, for programs.
    code: String,
    /// What would be right, for a person.
    message: String,
}

/// What is wrong with the lines of a file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportErrors {
    data: Vec<ImportError>,
    page: PageInfo,
}

/// List what is wrong with the lines of a file.
#[utoipa::path(get, path = "/api/v1/imports/{id}/errors", params(("id" = Uuid, Path, description = "Which."), Asked), tag = "imports")]
pub(crate) async fn list_import_errors(
    may: May<Read, Imports>,
    Path(id): Path<Uuid>,
    Query(asked): Query<Asked>,
) -> Result<Json<ImportErrors>> {
    let limit = asked.limit.unwrap_or(200);
    if !(1..=1000).contains(&limit) {
        return Err(Error::invalid("/limit", "range", "must be from 1 to 1000"));
    }
    let (line, nth) = after(asked.cursor.as_deref())?;
    let mut tx = may.begin_reading().await?;
    show::find(&mut tx, &may, id).await?;
    let statement = tx.read::<ImportError>(SOME).bind(id).bind(asked.phase.unwrap_or_default().word());
    let mut data = statement.bind(line).bind(nth).bind(limit + 1).all().await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = data.len() > most;
    data.truncate(most);
    let next_cursor = data.last().filter(|_| has_more).map(|last| format!("{}.{}", last.line, last.nth));
    Ok(Json(ImportErrors { data, page: PageInfo { next_cursor, has_more, ..PageInfo::default() } }))
}

fn after(cursor: Option<&str>) -> Result<(i64, i32)> {
    let Some(cursor) = cursor else { return Ok((-1, 0)) };
    let parts = cursor.split_once('.').and_then(|(line, nth)| Some((line.parse().ok()?, nth.parse().ok()?)));
    parts.ok_or_else(|| Error::invalid("/cursor", "query", "is not a cursor of this list"))
}

/// A file of the lines at fault: where each stands, why, and the line as it is.
#[derive(Debug)]
pub(crate) struct ErrorsFile(mpsc::Receiver<Result<Bytes, BrokenOff>>);

/// The file is not whole; the connection ends, so that its reader notices.
#[derive(Debug, thiserror::Error)]
#[error("the file broke off")]
pub(crate) struct BrokenOff;

impl IntoResponses for ErrorsFile {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        BTreeMap::from([("200".to_owned(), ResponseBuilder::new().description("The file").build().into())])
    }
}

impl IntoResponse for ErrorsFile {
    fn into_response(self) -> Response {
        let parts = stream::unfold(self.0, async |mut parts| Some((parts.recv().await?, parts)));
        let headers = [
            (CONTENT_TYPE, "text/csv; charset=utf-8"),
            (CONTENT_DISPOSITION, "attachment; filename=\"errors.csv\""),
        ];
        (headers, Body::from_stream(parts)).into_response()
    }
}

/// The lines at fault, as a file: to be put right and sent again.
#[utoipa::path(
    get, path = "/api/v1/imports/{id}/errors.csv", params(("id" = Uuid, Path, description = "Which."), Asked), tag = "imports",
)]
pub(crate) async fn export_import_errors(
    may: May<Read, Imports>,
    Path(id): Path<Uuid>,
    Query(asked): Query<Asked>,
) -> Result<ErrorsFile> {
    let mut tx = may.begin_reading().await?;
    let import = show::find(&mut tx, &may, id).await?;
    drop(tx);
    let columns = import.file.map(|file| file.columns).unwrap_or_default();
    let mut head = vec!["line".to_owned(), "column".to_owned(), "reason".to_owned()];
    head.extend(columns.into_iter().map(|column| column.name));
    let phase = asked.phase.unwrap_or_default().word();
    let (sender, parts) = mpsc::channel(2);
    let place = may.file()?;
    tokio::spawn(async move {
        if let Err(error) = write(&may, id, phase, &head, &sender).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a file of errors broke off");
            let _ = sender.send(Err(BrokenOff)).await; // its reader may have gone
        }
        drop(place);
    });
    Ok(ErrorsFile(parts))
}

type FaultyLine = (i64, Option<String>, String, Vec<String>);

/// Page by page, each in a transaction of its own: a slow reader holds none open.
async fn write(
    may: &May<Read, Imports>,
    id: Uuid,
    phase: &str,
    head: &[String],
    to: &mpsc::Sender<Result<Bytes, BrokenOff>>,
) -> Result<()> {
    let broken = |error: csv::Error| Error::Internal(error.into());
    let (mut after, mut begun) = (-1, false);
    loop {
        let mut tx = may.begin_reading().await?;
        let lines: Vec<FaultyLine> = tx.read(LINES).bind(id).bind(phase).bind(after).bind(PAGE).all().await?;
        drop(tx);
        let mut csv = csv::WriterBuilder::new()
            .flexible(true)
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        if !begun {
            begun = true;
            csv.write_record(head.iter().map(|name| web::harmless(name).into_owned())).map_err(broken)?;
        }
        for (line, column, reason, cells) in &lines {
            let own = [line.to_string(), column.clone().unwrap_or_default(), reason.clone()];
            let all = own.iter().chain(cells).map(|cell| web::harmless(cell).into_owned());
            csv.write_record(all).map_err(broken)?;
        }
        let part = csv.into_inner().map_err(|error| Error::Internal(error.to_string().into()))?;
        if to.send(Ok(part.into())).await.is_err() {
            return Ok(()); // whoever asked has gone
        }
        match lines.last() {
            Some((line, ..)) => after = *line,
            None => return Ok(()),
        }
    }
}
