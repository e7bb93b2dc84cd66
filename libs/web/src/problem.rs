use std::{collections::BTreeMap, error::Error as StdError};

use axum::response::{IntoResponse, Response};
use db::{Refusal, Sort};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::{
    IntoResponses, PartialSchema as _, ToSchema,
    openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder},
};

use crate::{MediaTypes, RequestId, Seldom, serve::TooSlow};

/// RFC 5789, 3.1.
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
/// What can be sent a second time although nobody knows what became of the first.
const SAFE_AGAIN: &str =
    "a GET, or a request with an Idempotency-Key, is safe to send again; of any other, look first";
const CROWDED: &str =
    "too many requests of this account are running at once; wait as long as Retry-After says";
static UNSERVED: Seldom = Seldom::unwritten();

/// Why a request gets no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody we know: a token that is no good.
    #[error("a valid access token is required")]
    Unauthenticated,
    /// Nobody: no token at all.
    #[error("a valid access token is required")]
    NoToken,
    /// Somebody who may not.
    #[error("this needs the permission {0}")]
    Forbidden(String),
    /// Nothing there, or nothing this tenant may see.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The path is there, the method is not.
    #[error("this path does not take that method")]
    MethodNotAllowed,
    /// A write that does not say what it has seen.
    #[error("If-Match is required: send the ETag of the record that you have read")]
    Unconditional,
    /// Somebody else was faster; holds the record as it is now, where we know it.
    #[error("the {0} has changed meanwhile")]
    Stale(&'static str, Option<Value>),
    /// What came in cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// A body of a kind that this operation does not take.
    #[error("the body must be {0}")]
    UnsupportedMediaType(MediaTypes),
    /// A body that is compressed.
    #[error("the body must come as it is, without a Content-Encoding")]
    UnsupportedCoding,
    /// More than we read.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// A path that nothing of ours has.
    #[error("the path and its query are longer than {0} bytes")]
    PathTooLong(usize),
    /// More headers than we read.
    #[error("the request line and its headers are longer than {0} bytes, or more than {1} headers")]
    HeadTooLarge(usize, usize),
    /// What came in reads well and breaks a rule of form.
    #[error("some fields are not valid")]
    Invalid(Vec<Violation>),
    /// Some items of a batch cannot be written, for these reasons; the status is theirs, where they share one.
    #[error("some items cannot be written, so none was")]
    Items(StatusCode, Vec<Violation>),
    /// A rule of the domain said no.
    #[error("{0}")]
    Refused(Box<dyn Refusal>),
    /// An idempotency key that was used for something else.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// An idempotency key whose request still runs.
    #[error("a request with this Idempotency-Key is still running")]
    InFlight,
    /// More requests than whoever sends them may; how many seconds to wait.
    #[error("{0}")]
    TooMany(&'static str, u32),
    /// The request came in too slowly.
    #[error("the request was sent too slowly")]
    Slow,
    /// It took too long.
    #[error("the request took too long, and may have been done; {again}", again = SAFE_AGAIN)]
    TimedOut,
    /// Nobody writes at this moment, for this reason; how many seconds are left of that.
    #[error("{0} (for now only reading is possible)")]
    Maintenance(String, u32),
    /// Something that we need does not answer; it may in a moment.
    #[error("the service is not available at the moment; {again}", again = SAFE_AGAIN)]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// What we asked on somebody's behalf answered nonsense.
    #[error("a service behind this one did not answer properly, and may have done what was asked; {again}", again = SAFE_AGAIN)]
    BadGateway(#[source] Box<dyn StdError + Send + Sync>),
    /// Our fault; the client learns nothing more.
    #[error("something went wrong on our side")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

impl<E: Into<db::Error>> From<E> for Error {
    fn from(error: E) -> Self {
        match error.into() {
            db::Error::NotFound(what) => Self::NotFound(what),
            db::Error::Ended => Self::Unauthenticated,
            db::Error::Maintenance { reason, seconds } => Self::Maintenance(reason, seconds),
            db::Error::Stale(what) => Self::Stale(what, None),
            db::Error::Refused(refusal) => Self::Refused(refusal),
            db::Error::Unanswerable { parameter, problem } => {
                Self::Invalid(vec![Violation::new(format!("/{parameter}"), "query", problem)])
            }
            db::Error::KeyReused => Self::KeyReused,
            db::Error::InFlight => Self::InFlight,
            db::Error::Crowded => Self::TooMany(CROWDED, 1),
            db::Error::Unavailable(error) => Self::Unavailable(error),
            error @ (db::Error::Aborted | db::Error::Sql(_)) => Self::Internal(error.into()),
        }
    }
}

impl Error {
    /// One field at fault.
    pub fn invalid(pointer: &str, code: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation::new(pointer, code, message)])
    }

    /// What is wrong with the record that could not be written, field by field; the failure itself, where it is none of
    /// the record's.
    pub fn into_violations(self) -> Result<Vec<Violation>, Self> {
        match self {
            Self::Invalid(violations) => Ok(violations),
            Self::NotFound(_) | Self::Stale(..) | Self::Refused(_) => {
                let problem = self.into_problem();
                let whole = || vec![Violation::new("", problem.code, problem.detail)];
                Ok(if problem.errors.is_empty() { whole() } else { problem.errors })
            }
            failed => Err(failed),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.nature().0
    }

    fn nature(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unauthenticated | Self::NoToken => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not-found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"),
            Self::Unconditional => (StatusCode::PRECONDITION_REQUIRED, "precondition-required"),
            Self::Stale(..) => (StatusCode::PRECONDITION_FAILED, "precondition-failed"),
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed"),
            Self::UnsupportedMediaType(media) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, media.code),
            Self::UnsupportedCoding => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-content-encoding"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            Self::PathTooLong(_) => (StatusCode::URI_TOO_LONG, "path-too-long"),
            Self::HeadTooLarge(..) => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head-too-large"),
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::Items(status, _) => (*status, "bulk-items-failed"),
            Self::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused"),
            Self::InFlight => (StatusCode::CONFLICT, "idempotency-key-in-flight"),
            Self::TooMany(..) => (StatusCode::TOO_MANY_REQUESTS, "too-many-requests"),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "slow-request"),
            Self::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "timed-out"),
            Self::Maintenance(..) => (StatusCode::SERVICE_UNAVAILABLE, "maintenance"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::BadGateway(_) => (StatusCode::BAD_GATEWAY, "bad-gateway"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            Self::Refused(refusal) => {
                let status = match refusal.sort() {
                    Sort::Conflict => StatusCode::CONFLICT,
                    Sort::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
                    Sort::Unauthenticated => StatusCode::UNAUTHORIZED,
                    Sort::Forbidden => StatusCode::FORBIDDEN,
                    Sort::TooMany => StatusCode::TOO_MANY_REQUESTS,
                };
                (status, refusal.code())
            }
        }
    }

    /// Seconds after which it may be tried again.
    fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Unavailable(_) | Self::BadGateway(_) | Self::TimedOut => Some(1),
            Self::TooMany(_, seconds) | Self::Maintenance(_, seconds) => Some(*seconds),
            Self::Refused(refusal) => refusal.retry_after(),
            _ => None,
        }
    }

    /// What a client is told beside the problem.
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self {
            // RFC 6750, 3.1: why, but only to whoever has shown something.
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

    /// What is wrong with a body that could not be read to its end.
    pub fn of_body(error: &(dyn StdError + 'static)) -> Self {
        let mut causes = std::iter::successors(Some(error), |&error| error.source());
        if causes.any(<dyn StdError>::is::<TooSlow>) {
            Self::Slow
        } else {
            Self::Malformed("the body is not what was announced, or ends too early".to_owned())
        }
    }

    /// An error is logged once: here, where it ends.
    fn log(&self) {
        match self {
            Self::Internal(cause) => {
                tracing::error!(error = cause.as_ref() as &dyn StdError, "a request failed");
            }
            // While something is away, each request fails for the same cause.
            Self::Unavailable(cause) | Self::BadGateway(cause) => {
                if let Some(left_out) = UNSERVED.now() {
                    let error = cause.as_ref() as &dyn StdError;
                    tracing::warn!(error, left_out, "a request could not be served");
                }
            }
            Self::Forbidden(_) => tracing::info!(reason = %self, "a request was forbidden"),
            Self::Refused(refusal) if refusal.sort() == Sort::Forbidden => {
                tracing::info!(reason = refusal.code(), "a request was forbidden");
            }
            _ => {}
        }
    }

    pub(crate) fn into_problem(self) -> Problem {
        let (status, code) = self.nature();
        let (detail, title) = (self.to_string(), status.canonical_reason().unwrap_or("Problem").to_owned());
        let (errors, current) = match self {
            Self::Invalid(violations) | Self::Items(_, violations) => (violations, None),
            Self::Stale(_, current) => (Vec::new(), current),
            Self::Refused(refusal) => {
                let pointer = refusal.pointer().map(|at| Violation::new(at, code, refusal.to_string()));
                (pointer.into_iter().collect(), refusal.current())
            }
            _ => (Vec::new(), None),
        };
        Problem {
            r#type: format!("/problems/{code}"),
            title,
            status: status.as_u16(),
            detail,
            code: code.to_owned(),
            request_id: RequestId::current().map(|id| id.0.to_string()),
            errors,
            current,
        }
    }
}

/// What a client is told of a failure, after RFC 9457.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Which problem this is; a client decides by it.
    #[schema(example = "/problems/not-found")]
    r#type: String,
    /// The HTTP status in words.
    #[schema(example = "Not Found")]
    title: String,
    /// The HTTP status.
    #[schema(example = 404)]
    status: u16,
    /// What went wrong this time, for a person.
    #[schema(example = "client not found")]
    pub(crate) detail: String,
    /// The last part of `type`.
    #[schema(example = "not-found")]
    pub(crate) code: String,
    /// The request, to find it in our logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// The fields at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<Violation>,
    /// With 412: the record as it is now. With 409, sometimes: what is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    current: Option<Value>,
}

/// One field at fault.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Violation {
    /// Where: a JSON pointer into the body (RFC 6901), or `/` and the name of a parameter.
    #[schema(example = "/rating")]
    pub pointer: String,
    /// Which rule is broken, for programs.
    #[schema(example = "range")]
    pub code: String,
    /// What would be right, for a person.
    #[schema(example = "must be from 1 to 5")]
    pub message: String,
}

impl Violation {
    /// A field and what is wrong with it.
    pub fn new(pointer: impl Into<String>, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.into(), message: message.into() }
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

/// The schemas that [`Error`] refers to.
pub(crate) fn schemas() -> Vec<(String, RefOr<utoipa::openapi::Schema>)> {
    let mut schemas = vec![(Problem::name().into(), Problem::schema())];
    Problem::schemas(&mut schemas);
    schemas
}
