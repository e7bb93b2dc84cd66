//! Errors of requests.

mod response;

use std::error::Error as StdError;

use db::{Refusal, RefusalKind};
use http::StatusCode;
use serde_json::Value;

pub use response::schemas;

use crate::{
    RequestId,
    media_types::MediaTypes,
    problem::{Problem, Violation},
};

/// Advice for retries when the outcome of the first request is unknown.
const SAFE_AGAIN: &str =
    "a GET, or a request with an Idempotency-Key, is safe to send again; of any other, look first";
const CROWDED: &str =
    "too many requests of this account are running at once; wait as long as Retry-After says";
const OVERDRAWN: &str = "searches, conditions that read texts and aggregates have used up the time of this account for the moment; wait as long as \
     Retry-After says, or narrow the condition by what compares with `eq`";

/// Error of a request, mapped to an HTTP status and a problem (RFC 9457).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The access token is invalid.
    #[error("a valid access token is required")]
    Unauthenticated,
    /// The request has no access token.
    #[error("a valid access token is required")]
    NoToken,
    /// The caller lacks this permission.
    #[error("this needs the permission {0}")]
    Forbidden(String),
    /// The resource does not exist, or this tenant may not see it.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The path exists, but not with this method.
    #[error("this path does not take that method")]
    MethodNotAllowed,
    /// The write lacks an `If-Match` header.
    #[error("If-Match is required: send the ETag of the record that you have read")]
    Unconditional,
    /// The record was changed concurrently; holds its current state, if known.
    #[error("the {0} has changed meanwhile")]
    Stale(&'static str, Option<Value>),
    /// The request cannot be parsed.
    #[error("{0}")]
    Malformed(String),
    /// The media type of the body is not supported.
    #[error("the body must be {0}")]
    UnsupportedMediaType(MediaTypes),
    /// The body has a content coding, such as compression.
    #[error("the body must come as it is, without a Content-Encoding")]
    UnsupportedCoding,
    /// The body exceeds this number of bytes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The path and its query exceed this number of bytes.
    #[error("the path and its query are longer than {0} bytes")]
    PathTooLong(usize),
    /// The request head exceeds these limits: bytes and number of headers.
    #[error("the request line and its headers are longer than {0} bytes, or more than {1} headers")]
    HeadTooLarge(usize, usize),
    /// The body is well-formed, but violates validation rules.
    #[error("some fields are not valid")]
    Invalid(Vec<Violation>),
    /// Items of an atomic bulk request failed; the status is theirs, if they share one.
    #[error("some items cannot be written, so none was")]
    Items(StatusCode, Vec<Violation>),
    /// A domain rule refused the operation.
    #[error("{0}")]
    Refused(Box<dyn Refusal>),
    /// The idempotency key was used for a different request.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// The first request with this idempotency key is still running.
    #[error("a request with this Idempotency-Key is still running")]
    InFlight,
    /// The rate limit is exceeded: message, and seconds to wait.
    #[error("{0}")]
    TooMany(&'static str, u32),
    /// The request was sent too slowly.
    #[error("the request was sent too slowly")]
    Slow,
    /// The request timed out; it may have been executed.
    #[error("the request took too long, and may have been done; {again}", again = SAFE_AGAIN)]
    TimedOut,
    /// Maintenance mode refuses writes: its reason, and the remaining seconds.
    #[error("{0} (for now only reading is possible)")]
    Maintenance(String, u32),
    /// The database did not say whether it has committed the request.
    #[error("the request may have been done: the database did not say; {again}", again = SAFE_AGAIN)]
    OutcomeUnknown(#[source] Box<dyn StdError + Send + Sync>),
    /// A dependency is unavailable; a retry may succeed.
    #[error("the service is not available at the moment; {again}", again = SAFE_AGAIN)]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// An upstream service returned an invalid response.
    #[error("a service behind this one did not answer properly, and may have done what was asked; {again}", again = SAFE_AGAIN)]
    BadGateway(#[source] Box<dyn StdError + Send + Sync>),
    /// An internal error; the client gets no details.
    #[error("something went wrong on our side")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

/// The body was sent more slowly than the minimum rate.
#[derive(Debug, thiserror::Error)]
#[error("the body of a request came too slowly")]
pub(crate) struct TooSlow;

impl<E: Into<db::Error>> From<E> for Error {
    fn from(error: E) -> Self {
        match error.into() {
            db::Error::NotFound(what) => Self::NotFound(what),
            db::Error::SessionEnded => Self::Unauthenticated,
            db::Error::Maintenance { reason, seconds } => Self::Maintenance(reason, seconds),
            db::Error::Stale(what) => Self::Stale(what, None),
            db::Error::Refused(refusal) => Self::Refused(refusal),
            db::Error::InvalidParameter { parameter, problem } => {
                Self::Invalid(vec![Violation::new(format!("/{parameter}"), "parameter", problem)])
            }
            db::Error::KeyReused => Self::KeyReused,
            db::Error::InFlight => Self::InFlight,
            db::Error::Crowded => Self::TooMany(CROWDED, 1),
            db::Error::Overdrawn { seconds } => Self::TooMany(OVERDRAWN, seconds),
            db::Error::OutcomeUnknown(error) => Self::OutcomeUnknown(error.into()),
            db::Error::Unavailable(error) => Self::Unavailable(error),
            error @ (db::Error::TransactionAborted | db::Error::Sql(_)) => Self::Internal(error.into()),
        }
    }
}

impl Error {
    /// Creates an error with a single violation.
    pub fn invalid(pointer: &str, code: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation::new(pointer, code, message)])
    }

    /// Converts an error of a record into violations, field by field. Errors that the record did not cause are
    /// returned as `Err`.
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

    /// HTTP status of the response.
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
            Self::OutcomeUnknown(_) => (StatusCode::SERVICE_UNAVAILABLE, "outcome-unknown"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::BadGateway(_) => (StatusCode::BAD_GATEWAY, "bad-gateway"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            Self::Refused(refusal) => {
                let status = match refusal.kind() {
                    RefusalKind::Conflict => StatusCode::CONFLICT,
                    RefusalKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
                    RefusalKind::Unauthenticated => StatusCode::UNAUTHORIZED,
                    RefusalKind::Forbidden => StatusCode::FORBIDDEN,
                    RefusalKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
                };
                (status, refusal.code())
            }
        }
    }

    /// Maps an error while reading a request body.
    pub fn of_body(error: &(dyn StdError + 'static)) -> Self {
        let mut causes = std::iter::successors(Some(error), |&error| error.source());
        if causes.any(<dyn StdError>::is::<TooSlow>) {
            Self::Slow
        } else {
            Self::Malformed("the body is not what was announced, or ends too early".to_owned())
        }
    }

    /// Converts to the body of the response.
    #[must_use]
    pub fn into_problem(self) -> Problem {
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
