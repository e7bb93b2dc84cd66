//! Every record of a list, as a file: read page by page and sent as it is read, however many there are.
//!
//! Each page is a transaction of its own: a slow reader holds none open, and a session that ends meanwhile gets no more.

mod csv;
mod ndjson;
mod xlsx;

use std::collections::BTreeMap;

pub use csv::harmless;

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use db::{Asked, FilePlace, Resource};
use futures::stream;
use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use time::{OffsetDateTime, macros::format_description};
use tokio::sync::mpsc;
use utoipa::{
    IntoParams, IntoResponses,
    openapi::{ContentBuilder, ObjectBuilder, RefOr, ResponseBuilder, Schema, schema::Type},
};

use crate::{Error, May, Query, Read, Result, openapi::text_header};

/// How many records are read at once.
const PAGE: i64 = 1_000;
/// How many parts of the file may wait for the reader.
const AHEAD: usize = 2;

/// Which records, and as what.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// `csv` (RFC 4180), `ndjson` or `xlsx`; `csv` if not said.
    #[param(value_type = Option<String>, example = "csv")]
    format: Option<Format>,
    /// As of a list.
    sort: Option<String>,
    /// As of a list.
    filter: Option<String>,
    /// As of a list.
    q: Option<String>,
    /// As of a list: the columns that are wanted.
    fields: Option<String>,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// RFC 4180.
    Csv,
    /// A JSON object on each line.
    Ndjson,
    /// Of a spreadsheet.
    Xlsx,
}

impl Format {
    fn of(self) -> (&'static str, &'static str) {
        match self {
            Self::Csv => ("csv", "text/csv; charset=utf-8"),
            Self::Ndjson => ("ndjson", "application/x-ndjson"),
            Self::Xlsx => ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        }
    }

    /// Text, or bytes: of those OpenAPI 3.1 says nothing but that they are no JSON.
    fn schema(self) -> Schema {
        let text = ObjectBuilder::new().schema_type(Type::String);
        match self {
            Self::Csv | Self::Ndjson => text.into(),
            Self::Xlsx => text.content_media_type("application/octet-stream").into(),
        }
    }
}

/// Writes records into a file, part by part.
trait Sheet: Send {
    /// What these records add to the file.
    fn rows(&mut self, rows: &[Map<String, Value>]) -> Result<Vec<u8>>;

    /// What the file ends with.
    fn end(&mut self) -> Result<Vec<u8>>;
}

/// The file that is on its way.
#[derive(Debug)]
pub struct Export {
    headers: HeaderMap,
    parts: mpsc::Receiver<Result<Bytes, BrokenOff>>,
}

/// The file is not whole; the connection ends, so that its reader notices.
#[derive(Debug, thiserror::Error)]
#[error("the export broke off")]
struct BrokenOff;

/// The pages of what is exported.
pub trait Pages: Send + 'static {
    /// The next one, and whether it is the last.
    fn next(&mut self) -> impl Future<Output = Result<(Vec<Value>, bool)>> + Send;
}

/// The pages of a list of `R`.
struct OfList<R> {
    may: May<Read, R>,
    query: db::Query<R>,
    /// Given back when the file has gone, or its reader has.
    _place: FilePlace,
}

impl<R: Resource> Pages for OfList<R> {
    async fn next(&mut self) -> Result<(Vec<Value>, bool)> {
        let mut tx = self.may.begin_reading_at(self.query.is_costly()).await?;
        let page = db::list(&mut tx, &self.query).await?;
        let rows = self.query.dress().put_on(&mut tx, &page.data).await?;
        let last = page.page.next_cursor.is_none();
        self.query.go_on(page.page.next_cursor);
        Ok((rows, last))
    }
}

pub(super) async fn export<R: Resource>(may: May<Read, R>, Query(wanted): Query<Wanted>) -> Result<Export> {
    let view = may.view();
    let Wanted { format, sort, filter, q, fields } = wanted;
    let asked = Asked { sort, filter, q, fields, ..Asked::default() };
    let query = db::Query::<R>::understand(asked, &view)?.by(PAGE);
    let (columns, place) = (query.dress().columns::<R>(), may.file()?);
    let pages = OfList { may, query, _place: place };
    Export::begin(R::PLURAL, format.unwrap_or(Format::Csv), columns, pages).await
}

impl Export {
    /// Reads `pages` and sends them on, as they are read: in a file of this name, with these columns. The first one is read
    /// before there is an answer, so that a caller whose session has ended gets 401 and no broken file.
    pub async fn begin(
        name: &str,
        format: Format,
        columns: Vec<String>,
        mut pages: impl Pages,
    ) -> Result<Self> {
        let first = pages.next().await?;
        let sheet: Box<dyn Sheet> = match format {
            Format::Csv => Box::new(csv::Csv::new(columns)),
            Format::Ndjson => Box::new(ndjson::Ndjson),
            Format::Xlsx => Box::new(xlsx::Xlsx::new(columns)?),
        };
        let headers = headers(name, format)?;
        let (sender, parts) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            if let Err(error) = write(first, pages, sheet, &sender).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "an export broke off");
                let _ = sender.send(Err(BrokenOff)).await; // its reader may have gone
            }
        });
        Ok(Self { headers, parts })
    }
}

async fn write(
    first: (Vec<Value>, bool),
    mut pages: impl Pages,
    mut sheet: Box<dyn Sheet>,
    to: &mpsc::Sender<Result<Bytes, BrokenOff>>,
) -> Result<()> {
    let mut page = first;
    loop {
        let (rows, last) = page;
        let rows: Vec<Map<String, Value>> = rows
            .into_iter()
            .filter_map(|row| if let Value::Object(fields) = row { Some(fields) } else { None })
            .collect();
        let mut part = sheet.rows(&rows)?;
        if last {
            part.extend(sheet.end()?);
        }
        if to.send(Ok(part.into())).await.is_err() || last {
            return Ok(()); // or its reader has gone
        }
        page = pages.next().await?;
    }
}

/// `clients-2026-01-31.csv`
fn headers(what: &str, format: Format) -> Result<HeaderMap> {
    let (ending, media) = format.of();
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

/// Not JSON, and as long as there are records.
impl IntoResponses for Export {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let named = text_header("The name of the file (RFC 6266).");
        let file = ResponseBuilder::new()
            .description("A file, sent as it is read")
            .header("Content-Disposition", named);
        let file = [Format::Csv, Format::Ndjson, Format::Xlsx].into_iter().fold(file, |file, format| {
            let (_, media) = format.of();
            file.content(media, ContentBuilder::new().schema(Some(format.schema())).build())
        });
        BTreeMap::from([("200".to_owned(), file.build().into())])
    }
}

/// A value as one cell shows it: a text as it is, what has parts as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
