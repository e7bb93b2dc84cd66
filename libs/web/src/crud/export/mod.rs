//! Every record of a list, as a file: read page by page and sent as it is read, however many there are.
//!
//! Each page is a transaction of its own: a slow reader holds none open, and a session that ends meanwhile gets no more.

mod csv;
mod ndjson;
mod xlsx;

pub use csv::harmless;

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use db::{Asked, Resource};
use futures::stream;
use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use time::{OffsetDateTime, macros::format_description};
use tokio::sync::mpsc;
use utoipa::IntoParams;

use crate::{Error, May, Query, Read, Result};

/// How many records are read at once.
const PAGE: i64 = 1_000;
/// How many parts of the file may wait for the reader.
const AHEAD: usize = 4;

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    Csv,
    Ndjson,
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
}

/// Writes records into a file, part by part.
trait Sheet: Send {
    /// What these records add to the file.
    fn rows(&mut self, rows: &[Map<String, Value>]) -> Result<Vec<u8>>;

    /// What the file ends with.
    fn end(&mut self) -> Result<Vec<u8>>;
}

/// The file that is on its way.
pub(super) struct Export {
    headers: HeaderMap,
    parts: mpsc::Receiver<Result<Bytes, BrokenOff>>,
}

/// The file is not whole; the connection ends, so that its reader notices.
#[derive(Debug, thiserror::Error)]
#[error("the export broke off")]
struct BrokenOff;

pub(super) async fn export<R: Resource>(may: May<Read, R>, Query(wanted): Query<Wanted>) -> Result<Export> {
    let view = may.view();
    let Wanted { format, sort, filter, q, fields } = wanted;
    let asked = Asked { sort, filter, q, fields, ..Asked::default() };
    let query = db::Query::<R>::understand(asked, &view)?.by(PAGE);
    let format = format.unwrap_or(Format::Csv);
    let columns = query.dress().columns::<R>();
    let sheet: Box<dyn Sheet> = match format {
        Format::Csv => Box::new(csv::Csv::new(columns)),
        Format::Ndjson => Box::new(ndjson::Ndjson),
        Format::Xlsx => Box::new(xlsx::Xlsx::new(columns)?),
    };
    let (sender, parts) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        if let Err(error) = write(&may, query, sheet, &sender).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "an export broke off");
            let _ = sender.send(Err(BrokenOff)).await; // its reader may have gone
        }
    });
    Ok(Export { headers: headers::<R>(format)?, parts })
}

async fn write<R: Resource>(
    may: &May<Read, R>,
    mut query: db::Query<R>,
    mut sheet: Box<dyn Sheet>,
    to: &mpsc::Sender<Result<Bytes, BrokenOff>>,
) -> Result<()> {
    loop {
        let mut tx = may.begin_reading().await?;
        let page = db::list(&mut tx, &query).await?;
        let rows = query.dress().put_on(&mut tx, &page.data).await?;
        drop(tx);
        let rows: Vec<Map<String, Value>> = rows
            .into_iter()
            .filter_map(|row| if let Value::Object(fields) = row { Some(fields) } else { None })
            .collect();
        let mut part = sheet.rows(&rows)?;
        let next = page.page.next_cursor;
        if next.is_none() {
            part.extend(sheet.end()?);
        }
        if to.send(Ok(part.into())).await.is_err() {
            return Ok(()); // whoever asked has gone
        }
        match next {
            Some(cursor) => query = query.after(cursor),
            None => return Ok(()),
        }
    }
}

/// `clients-2026-01-31.csv`
fn headers<R: Resource>(format: Format) -> Result<HeaderMap> {
    let (ending, media) = format.of();
    #[expect(clippy::disallowed_methods, reason = "the date in a file's name is the day on which it is made")]
    let today = OffsetDateTime::now_utc().date();
    let today = today.format(format_description!("[year]-[month]-[day]"));
    let today = today.map_err(|error| Error::Internal(error.into()))?;
    let name = format!("attachment; filename=\"{}-{today}.{ending}\"", R::PLURAL);
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

/// A value as one cell shows it: a text as it is, what has parts as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
