//! Error responses: headers, body and log line.

use std::{collections::BTreeMap, error::Error as StdError};

use axum::response::{IntoResponse, Response};
use db::RefusalKind;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use utoipa::{
    IntoResponses, PartialSchema as _, ToSchema as _,
    openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder},
};

use super::Error;
use crate::{LogThrottle, problem::Problem};

/// Header with accepted patch formats (RFC 5789, 3.1).
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
static UNSERVED: LogThrottle = LogThrottle::unwritten();

impl Error {
    /// Seconds to wait before a retry.
    fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Unavailable(_) | Self::OutcomeUnknown(_) | Self::BadGateway(_) | Self::TimedOut => Some(1),
            Self::TooMany(_, seconds) | Self::Maintenance(_, seconds) => Some(*seconds),
            Self::Refused(refusal) => refusal.retry_after(),
            _ => None,
        }
    }

    /// Headers of the response besides the problem.
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self {
            // RFC 6750, 3.1: `error` is included only if the request had a token.
            Self::Unauthenticated => {
                let invalid = HeaderValue::from_static("Bearer error=\"invalid_token\"");
                headers.insert(WWW_AUTHENTICATE, invalid);
            }
            _ if self.status() == StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::UnsupportedMediaType(media) => {
                headers.insert(ACCEPT, media.header());
                if media.is_patch {
                    headers.insert(ACCEPT_PATCH, media.header());
                }
            }
            Self::UnsupportedCoding => {
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            }
            _ => {}
        }
        headers
    }

    /// Logs the error once, where it leaves the service.
    fn log(&self) {
        match self {
            Self::Internal(cause) => {
                tracing::error!(error = cause.as_ref() as &dyn StdError, "a request failed");
            }
            // During an outage every request fails for the same cause.
            Self::Unavailable(cause) | Self::OutcomeUnknown(cause) | Self::BadGateway(cause) => {
                if let Some(left_out) = UNSERVED.now() {
                    let error = cause.as_ref() as &dyn StdError;
                    tracing::warn!(error, left_out, "a request could not be served");
                }
            }
            Self::Forbidden(_) => tracing::info!(reason = %self, "a request was forbidden"),
            Self::Refused(refusal) if refusal.kind() == RefusalKind::Forbidden => {
                tracing::info!(reason = refusal.code(), "a request was forbidden");
            }
            _ => {}
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.log();
        let (status, headers) = (self.status(), self.headers());
        let body = serde_json::to_vec(&self.into_problem()).unwrap_or_default();
        let mut response = (status, [(CONTENT_TYPE, "application/problem+json")], body).into_response();
        response.headers_mut().extend(headers);
        response
    }
}

impl IntoResponses for Error {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
        let response = ResponseBuilder::new()
            .description("A problem")
            .content("application/problem+json", content)
            .build();
        BTreeMap::from([("default".to_owned(), response.into())])
    }
}

/// Schemas that the responses of [`Error`] refer to.
pub fn schemas() -> Vec<(String, RefOr<utoipa::openapi::Schema>)> {
    let mut schemas = vec![(Problem::name().into(), Problem::schema())];
    Problem::schemas(&mut schemas);
    schemas
}
