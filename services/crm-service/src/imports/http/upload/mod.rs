//! Receives uploads as a stream, in parts, independently of the sender's speed.

mod body;
mod receive;
mod request;

use axum::body::Body;
use http::HeaderMap;
use receive::Receiver;
use request::UploadRequest;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Authorized, Created, Error, IdempotencyKey, Query, Redacted, Replayable, Result, Write};

use super::{params::UploadParams, read::Import};
use crate::imports::Imports;

/// The bytes of a CSV file (up to 64 MiB) or of an XLSX workbook (up to 16 MiB).
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary, max_length = 67_108_864)]
#[expect(dead_code, reason = "it describes a body that is read as a stream")]
pub(crate) struct ImportFileBody(Vec<u8>);

/// Upload a file for an import.
///
/// The body is the file, as `text/csv` (up to 64 MiB) or as an XLSX workbook (up to 16 MiB).
#[utoipa::path(
    post,
    path = "/api/v1/imports",
    params(UploadParams, IdempotencyKey),
    tag = "imports",
    request_body(content(
        (ImportFileBody = "text/csv"),
        (ImportFileBody = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    ))
)]
pub(crate) async fn upload_import(
    auth: Authorized<Write, Imports>,
    key: Option<IdempotencyKey>,
    Query(sent): Query<UploadParams>,
    headers: HeaderMap,
    body: Body,
) -> Result<Replayable<Created<Redacted<Import>>>> {
    let order = UploadRequest::parse(&sent, &headers)?;
    if !auth.who().permissions().allow(order.target.schema().name(), "write") {
        return Err(Error::Forbidden(format!("{}:write", order.target.schema().name())));
    }
    let receiver = Receiver::new(&auth, Uuid::now_v7());
    match receiver.receive(&order, &sent, key, body).await {
        Ok(answer) => Ok(answer),
        Err(error) => {
            receiver.give_up().await?;
            Err(error)
        }
    }
}
