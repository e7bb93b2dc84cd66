//! The page `/docs`: Swagger UI, with a start script of the gateway.

use std::sync::Arc;

use axum::{
    Router,
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use utoipa_swagger_ui::{Config, serve};
use web::{Error, Path, Result};

use crate::openapi::etag;

/// Start script, instead of the one that Swagger UI brings.
const INITIALIZER: &[u8] = include_bytes!("swagger-initializer.js");

/// Routes of the page and its files.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/docs", get(|| async { Redirect::to("/docs/") }))
        .route("/docs/", get(|| async { file("index.html") }))
        .route("/docs/{*name}", get(|Path(name): Path<String>| async move { file(&name) }))
}

fn file(name: &str) -> Result<Response> {
    if name == "swagger-initializer.js" {
        return Ok(revalidated("text/javascript", INITIALIZER.to_vec()));
    }
    let known = serve(name, Arc::new(Config::default())).ok().flatten();
    let known = known.ok_or(Error::NotFound("this path"))?;
    Ok(revalidated(&known.content_type, known.bytes.into_owned()))
}

/// Response that a browser may cache, and must revalidate: a new release has other files under the same names.
fn revalidated(content_type: &str, bytes: Vec<u8>) -> Response {
    let tag = etag(&bytes);
    ([(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-cache"), (ETAG, &tag)], bytes).into_response()
}
