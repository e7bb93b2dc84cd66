use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Error response (RFC 9457, Problem Details).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Problem type, as a URI reference; clients decide by it.
    #[schema(example = "/problems/not-found")]
    pub r#type: String,
    /// Reason phrase of the HTTP status.
    #[schema(example = "Not Found")]
    pub title: String,
    /// HTTP status code of the response.
    #[schema(example = 404)]
    pub status: u16,
    /// Explanation of this occurrence, for people.
    #[schema(example = "client not found")]
    pub detail: String,
    /// Code of the problem: the last segment of `type`.
    #[schema(example = "not-found")]
    pub code: String,
    /// Identifier of the request, to find it in the server's logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Violations of individual fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Violation>,
    /// With 412: the current state of the record. With 409, sometimes: the conflicting record.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub current: Option<Value>,
}

/// Violation of a rule by one field or parameter.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Violation {
    /// JSON pointer into the body (RFC 6901), or `/` and the name of a parameter.
    #[schema(example = "/rating")]
    pub pointer: String,
    /// Machine-readable code of the violated rule.
    #[schema(example = "range")]
    pub code: String,
    /// Description of the expected value, for people.
    #[schema(example = "must be from 1 to 5")]
    pub message: String,
}

impl Violation {
    /// Creates a violation of the field at `pointer`.
    pub fn new(pointer: impl Into<String>, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.into(), message: message.into() }
    }
}
