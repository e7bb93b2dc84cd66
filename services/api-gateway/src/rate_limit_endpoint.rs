//! Endpoint `GET /api/rate-limit`: remaining permits of the caller.

use std::sync::Arc;

use axum::extract::State;
use http::HeaderMap;
use serde_json::Value;
use utoipa::OpenApi;
use web::{ClientAddress, Json, RequestId, Result};

use crate::{
    App,
    authenticate::authenticate,
    limits::{RateLimit, RateLimitBucket},
    request_context::RequestContext,
};

/// Show the caller's rate limits.
///
/// The request is not charged to any of the buckets.
#[utoipa::path(get, path = "/api/rate-limit", tag = "limits")]
pub(crate) async fn get_rate_limit(
    State(app): State<Arc<App>>,
    id: RequestId,
    client: ClientAddress,
    headers: HeaderMap,
) -> Result<Json<RateLimit>> {
    let mut context = RequestContext::new(id, client);
    let caller = authenticate(&app, &mut context, &headers).await?;
    Ok(Json(app.limits.report(caller.subject.account()?, caller.api_key).await))
}

#[derive(OpenApi)]
#[openapi(paths(get_rate_limit), components(schemas(RateLimit, RateLimitBucket)))]
struct Document;

/// API document of the gateway's own endpoints.
pub(crate) fn document() -> serde_json::Result<Value> {
    let mut document = Document::openapi();
    web::openapi::describe(&mut document, "api-gateway");
    serde_json::to_value(document)
}
