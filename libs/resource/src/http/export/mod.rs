//! Exports: all records of a list as a file, streamed page by page, so that its size is unlimited.
//!
//! Each page is a transaction of its own: a slow client holds none open, and a revoked session receives no further
//! page.

mod csv;
mod ndjson;
mod xlsx;

use std::{borrow::Cow, collections::BTreeMap};

pub use csv::escape_csv_formula;

use super::Caller;
use crate::{ListParams, StoredRecord, model::to_json};
use axum::{
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use db::{FileSlot, TenantTx};
use futures::stream;
use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE},
};
use serde::Deserialize;
use serde_json::Value;
use time::{OffsetDateTime, macros::format_description};
use tokio::sync::mpsc;
use utoipa::{
    IntoParams, IntoResponses,
    openapi::{ContentBuilder, ObjectBuilder, RefOr, ResponseBuilder, Schema, schema::Type},
};

use web::{Error, Query, Read, Result, openapi::text_header};

/// Number of records per page.
const PAGE: i64 = 1_000;
/// How often a page waits for its time, about five seconds each, before the export breaks off.
const MAX_WAITS: u32 = 60;
/// Number of buffered parts: backpressure for slow clients.
const AHEAD: usize = 2;

/// Query parameters of an export.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportParams {
    /// File format: `csv` (RFC 4180), `ndjson` or `xlsx`; default `csv`.
    #[param(value_type = Option<String>, example = "csv", pattern = "^(csv|ndjson|xlsx)$", max_length = 6)]
    format: Option<Format>,
    /// Sort order, as in a list request.
    #[param(max_length = 300)]
    sort: Option<String>,
    /// Filter condition, as in a list request.
    #[param(max_length = 4096)]
    filter: Option<String>,
    /// Search text, as in a list request.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Columns to include, as `fields` in a list request.
    #[param(max_length = 8192)]
    fields: Option<String>,
}

/// File format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated values (RFC 4180).
    Csv,
    /// Newline-delimited JSON: one object per line.
    Ndjson,
    /// Spreadsheet (Office Open XML).
    Xlsx,
}

impl Format {
    fn media_type(self) -> (&'static str, &'static str) {
        match self {
            Self::Csv => ("csv", "text/csv; charset=utf-8"),
            Self::Ndjson => ("ndjson", "application/x-ndjson"),
            Self::Xlsx => ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        }
    }

    /// Schema of the file: text, or binary content, which OpenAPI 3.1 describes by its media type alone.
    fn schema(self) -> Schema {
        let text = ObjectBuilder::new().schema_type(Type::String);
        match self {
            Self::Csv | Self::Ndjson => text.into(),
            Self::Xlsx => text.content_media_type("application/octet-stream").into(),
        }
    }
}

/// Writer of a file format, used incrementally.
trait SheetWriter: Send {
    /// Serializes these rows.
    fn rows(&mut self, rows: &[SheetRow]) -> Result<Vec<u8>>;

    /// Serializes the end of the file.
    fn end(&mut self) -> Result<Vec<u8>>;
}

/// Response of an export: a stream of file parts.
#[derive(Debug)]
pub struct Export {
    headers: HeaderMap,
    parts: mpsc::Receiver<Result<Bytes, ExportInterrupted>>,
}

/// The export was interrupted. The connection is closed, so that the client detects the truncated file.
#[derive(Debug, thiserror::Error)]
#[error("the export broke off")]
struct ExportInterrupted;

/// Values of a record in the order of the columns.
pub type SheetRow = Vec<Value>;

/// Source of the pages to export.
pub trait PageSource: Send + 'static {
    /// Reads the next page, and whether it is the last.
    fn next(&mut self) -> impl Future<Output = Result<(Vec<SheetRow>, bool)>> + Send;
}

/// Pages of a list.
struct ListPages {
    caller: Caller<Read>,
    query: crate::Query,
    /// Whether the first page was read, so that the file is on its way.
    has_begun: bool,
    /// Released when the file was sent or the client has disconnected.
    _place: FileSlot,
}

impl ListPages {
    /// Begins the transaction of the next page. A file that is on its way waits for its time: it would have to be asked for
    /// again from its beginning.
    async fn begin(&self) -> Result<TenantTx> {
        let mut tries = if self.has_begun { MAX_WAITS } else { 0 };
        loop {
            match self.caller.begin_read_only_at(self.query.is_costly()).await {
                Err(Error::TooMany(..)) if tries > 0 => tries -= 1,
                begun => return begun,
            }
        }
    }
}

impl PageSource for ListPages {
    async fn next(&mut self) -> Result<(Vec<SheetRow>, bool)> {
        let mut tx = self.begin().await?;
        let page = self.query.page(&mut tx).await?;
        drop(tx);
        self.has_begun = true;
        let projection = self.query.projection();
        // The columns of the file are in the order of a record's members.
        let row = |record: &StoredRecord| -> Result<SheetRow> {
            let members = record.members().filter(|(name, _)| projection.includes(name));
            Ok(members.map(|(_, value)| to_json(&value)).collect::<db::Result<_>>()?)
        };
        let rows = page.data.iter().map(row).collect::<Result<_>>()?;
        let last = page.page.next_cursor.is_none();
        self.query.after(page.page.next_cursor);
        Ok((rows, last))
    }
}

pub(super) async fn export(caller: Caller<Read>, Query(wanted): Query<ExportParams>) -> Result<Export> {
    let view = caller.view();
    let ExportParams { format, sort, filter, q, fields } = wanted;
    let asked = ListParams { sort, filter, q, fields, ..ListParams::default() };
    let resource = caller.resource().clone();
    let query = crate::Query::parse(&resource, asked, &view)?.limited_to(PAGE);
    let (columns, place) = (query.projection().columns(resource.schema()), caller.file()?);
    let pages = ListPages { caller, query, has_begun: false, _place: place };
    Export::begin(resource.schema().table(), format.unwrap_or(Format::Csv), columns, pages).await
}

impl Export {
    /// Reads `pages` and streams them as a file with this name and these columns. The first page is read before
    /// the response starts, so that an ended session yields 401 instead of a truncated file.
    pub async fn begin(
        name: &str,
        format: Format,
        columns: Vec<String>,
        mut pages: impl PageSource,
    ) -> Result<Self> {
        let first = pages.next().await?;
        let sheet: Box<dyn SheetWriter> = match format {
            Format::Csv => Box::new(csv::Csv::new(columns)),
            Format::Ndjson => Box::new(ndjson::Ndjson::new(columns)),
            Format::Xlsx => Box::new(xlsx::Xlsx::new(&columns)?),
        };
        let headers = headers(name, format)?;
        let (sender, parts) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            if let Err(error) = write(first, pages, sheet, &sender).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "an export broke off");
                let _ = sender.send(Err(ExportInterrupted)).await; // fails if the client has disconnected
            }
        });
        Ok(Self { headers, parts })
    }
}

async fn write(
    first: (Vec<SheetRow>, bool),
    mut pages: impl PageSource,
    mut sheet: Box<dyn SheetWriter>,
    to: &mpsc::Sender<Result<Bytes, ExportInterrupted>>,
) -> Result<()> {
    let mut page = first;
    loop {
        let (rows, last) = page;
        let mut part = sheet.rows(&rows)?;
        if last {
            part.extend(sheet.end()?);
        }
        if to.send(Ok(part.into())).await.is_err() || last {
            return Ok(()); // the client has disconnected
        }
        page = pages.next().await?;
    }
}

/// Headers of the response; the file name is like `clients-2026-01-31.csv`.
fn headers(what: &str, format: Format) -> Result<HeaderMap> {
    let (ending, media) = format.media_type();
    #[expect(clippy::disallowed_methods, reason = "the date in a file's name is the day on which it is made")]
    let today = OffsetDateTime::now_utc().date();
    let today = today.format(format_description!("[year]-[month]-[day]"));
    let today = today.map_err(|error| Error::Internal(error.into()))?;
    let name = format!("attachment; filename=\"{what}-{today}.{ending}\"");
    let name = HeaderValue::try_from(name).map_err(|error| Error::Internal(error.into()))?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CONTENT_DISPOSITION, name);
    Ok(headers)
}

impl IntoResponse for Export {
    fn into_response(self) -> Response {
        let parts = stream::unfold(self.parts, async |mut parts| Some((parts.recv().await?, parts)));
        (self.headers, Body::from_stream(parts)).into_response()
    }
}

/// Documented by hand: not JSON, and of unbounded length.
impl IntoResponses for Export {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let named = text_header("The name of the file (RFC 6266).");
        let file = ResponseBuilder::new()
            .description("A file, sent as it is read")
            .header("Content-Disposition", named);
        let file = [Format::Csv, Format::Ndjson, Format::Xlsx].into_iter().fold(file, |file, format| {
            let (_, media) = format.media_type();
            file.content(media, ContentBuilder::new().schema(Some(format.schema())).build())
        });
        BTreeMap::from([("200".to_owned(), file.build().into())])
    }
}

/// Text of a cell: strings as they are, objects and lists as JSON.
fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}
