//! Errors of the rows of a file: listed, and exported as a file to be corrected.

use std::collections::BTreeMap;

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use db::{FromRow, TenantQuery};
use futures::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use resource::PageInfo;
use serde::Serialize;
use tokio::sync::mpsc;
use utoipa::{
    IntoResponses, PartialSchema as _, ToSchema,
    openapi::{Content, RefOr, ResponseBuilder},
};
use uuid::Uuid;
use web::{Authorized, Error, Json, Path, Query, Read, Result};

use super::{
    params::{ImportErrorsFileParams, ImportErrorsParams},
    read,
};
use crate::imports::Imports;

const SOME: TenantQuery = TenantQuery::new(
    "select line, nth, column_name, pointer, code, message from app.import_errors
     where account_id = $1 and import_id = $2 and phase = $3 and (line, nth) > ($4, $5) order by line, nth limit $6",
);
const LINES: TenantQuery = TenantQuery::new(
    "select line, string_agg(column_name, ', ' order by nth), string_agg(message || ' (' || code || ')', '; ' order by nth), max(cells)
     from app.import_errors
     where account_id = $1 and import_id = $2 and phase = $3 and line > $4 group by line order by line limit $5",
);
const CSV: &str = "text/csv; charset=utf-8";
/// Number of rows read per query.
const PAGE: i64 = 1_000;

/// An error in a row of an import.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct ImportError {
    /// Line of the file, counted from 1.
    line: i64,
    #[serde(skip)]
    nth: i32,
    /// Column with the error, if it can be attributed to one.
    #[serde(rename = "column")]
    column_name: Option<String>,
    /// JSON pointer to the field with the error.
    pointer: String,
    /// Machine-readable code of the violated rule.
    code: String,
    /// Human-readable message that says what is expected.
    message: String,
}

/// A page of the errors of an import.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportErrors {
    data: Vec<ImportError>,
    page: PageInfo,
}

/// List the errors of an import.
#[utoipa::path(get, path = "/api/v1/imports/{id}/errors", params(("id" = Uuid, Path, description = "Which."), ImportErrorsParams), tag = "imports")]
pub(crate) async fn list_import_errors(
    auth: Authorized<Read, Imports>,
    Path(id): Path<Uuid>,
    Query(params): Query<ImportErrorsParams>,
) -> Result<Json<ImportErrors>> {
    let limit = params.limit.unwrap_or(200);
    if !(1..=1000).contains(&limit) {
        return Err(Error::invalid("/limit", "range", "must be from 1 to 1000"));
    }
    let (line, nth) = after(params.cursor.as_deref())?;
    let mut tx = auth.begin_read_only().await?;
    read::find(&mut tx, &auth, id).await?;
    let statement = tx.read::<ImportError>(SOME).bind(id).bind(params.phase.unwrap_or_default().as_str());
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
    parts.ok_or_else(|| Error::invalid("/cursor", "parameter", "is not a cursor of this list"))
}

/// CSV file of the failed rows, with line number, errors and original cells.
#[derive(Debug)]
pub(crate) struct ErrorsFile(mpsc::Receiver<Result<Bytes, ExportInterrupted>>);

/// The export failed midway. The connection is aborted, so that the client notices the truncation.
#[derive(Debug, thiserror::Error)]
#[error("the file broke off")]
pub(crate) struct ExportInterrupted;

impl IntoResponses for ErrorsFile {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let text = Content::new(Some(String::schema()));
        let file = ResponseBuilder::new().description("The file").content(CSV, text);
        BTreeMap::from([("200".to_owned(), file.build().into())])
    }
}

impl IntoResponse for ErrorsFile {
    fn into_response(self) -> Response {
        let parts = stream::unfold(self.0, async |mut parts| Some((parts.recv().await?, parts)));
        let headers = [(CONTENT_TYPE, CSV), (CONTENT_DISPOSITION, "attachment; filename=\"errors.csv\"")];
        (headers, Body::from_stream(parts)).into_response()
    }
}

/// Export the failed rows as a CSV file, to be corrected and uploaded again.
#[utoipa::path(
    get, path = "/api/v1/imports/{id}/errors.csv", params(("id" = Uuid, Path, description = "Which."), ImportErrorsFileParams), tag = "imports",
)]
pub(crate) async fn export_import_errors(
    auth: Authorized<Read, Imports>,
    Path(id): Path<Uuid>,
    Query(params): Query<ImportErrorsFileParams>,
) -> Result<ErrorsFile> {
    let mut tx = auth.begin_read_only().await?;
    let import = read::find(&mut tx, &auth, id).await?;
    drop(tx);
    let columns = import.file.map(|file| file.columns).unwrap_or_default();
    let mut head = vec!["line".to_owned(), "column".to_owned(), "reason".to_owned()];
    head.extend(columns.into_iter().map(|column| column.name));
    let phase = params.phase.unwrap_or_default().as_str();
    let (sender, parts) = mpsc::channel(2);
    let place = auth.file()?;
    tokio::spawn(async move {
        if let Err(error) = write(&auth, id, phase, &head, &sender).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a file of errors broke off");
            let _ = sender.send(Err(ExportInterrupted)).await; // the client may have disconnected
        }
        drop(place);
    });
    Ok(ErrorsFile(parts))
}

type FaultyLine = (i64, Option<String>, String, Vec<String>);

/// Writes the file page by page, each in its own transaction, so that a slow client holds none open.
async fn write(
    auth: &Authorized<Read, Imports>,
    id: Uuid,
    phase: &str,
    head: &[String],
    to: &mpsc::Sender<Result<Bytes, ExportInterrupted>>,
) -> Result<()> {
    let broken = |error: csv::Error| Error::Internal(error.into());
    let (mut after, mut begun) = (-1, false);
    loop {
        let mut tx = auth.begin_read_only().await?;
        let lines: Vec<FaultyLine> = tx.read(LINES).bind(id).bind(phase).bind(after).bind(PAGE).all().await?;
        drop(tx);
        let mut csv = csv::WriterBuilder::new()
            .flexible(true)
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        if !begun {
            begun = true;
            csv.write_record(head.iter().map(|name| resource::escape_csv_formula(name).into_owned()))
                .map_err(broken)?;
        }
        for (line, column, reason, cells) in &lines {
            let own = [line.to_string(), column.clone().unwrap_or_default(), reason.clone()];
            let all = own.iter().chain(cells).map(|cell| resource::escape_csv_formula(cell).into_owned());
            csv.write_record(all).map_err(broken)?;
        }
        let part = csv.into_inner().map_err(|error| Error::Internal(error.to_string().into()))?;
        if to.send(Ok(part.into())).await.is_err() {
            return Ok(()); // the client has disconnected
        }
        match lines.last() {
            Some((line, ..)) => after = *line,
            None => return Ok(()),
        }
    }
}
