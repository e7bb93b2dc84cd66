use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use db::HiddenFields;
use http::{Method, StatusCode, header::CONTENT_TYPE};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use validator::Validate;

use super::{
    faults,
    strict::{self, Strict},
    violations::{unreadable, valid},
};
use crate::{Error, MediaTypes};

/// Maximum size of a request body in bytes; a record has a few kilobytes.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// A JSON request body, parsed and validated; or a JSON response body.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A JSON body that is parsed, but not yet deserialized into a type.
#[derive(Debug)]
pub struct UnparsedJson(Value);

impl From<Value> for UnparsedJson {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl UnparsedJson {
    /// The body as a new record, unless it names fields that are hidden from the caller: they count as unknown.
    pub fn into_new(self, hidden: &HiddenFields) -> Result<Value, Error> {
        match hidden.first_set_in(&self.0) {
            Some(field) => Err(hidden_field(field)),
            None => Ok(self.0),
        }
    }
}

/// A merge patch of a `T` (RFC 7396): absent members stay, `null` clears.
#[derive(Debug)]
pub struct MergePatch(Value);

impl MergePatch {
    /// Parses a patch; `None` unless `value` is an object.
    #[must_use]
    pub fn parse(value: Value) -> Option<Self> {
        value.is_object().then_some(Self(value))
    }

    /// Fails if the patch contains hidden fields: a caller must not change values that they cannot see.
    pub fn ensure_not_touched(&self, hidden: &HiddenFields) -> Result<(), Error> {
        let touched = self.0.as_object().into_iter().flatten().find(|(field, _)| hidden.hide(field));
        touched.map_or(Ok(()), |(field, _)| Err(hidden_field(field)))
    }

    /// Applies the patch to `current`; the result is deserialized and validated like a complete body.
    pub fn apply_to<T: Serialize + DeserializeOwned + Validate>(self, current: &T) -> Result<T, Error> {
        let whole = serde_json::to_value(current).map_err(|error| Error::Internal(error.into()))?;
        parse_json(self.merge_into(whole))
    }

    /// Merges the patch into `whole`, which is then to be parsed like a complete body. Names that it clears and `whole`
    /// lacks are in the result as null: the parser refuses those that are no fields.
    #[must_use]
    pub fn merge_into(self, mut whole: Value) -> Value {
        let unknown = match (&whole, &self.0) {
            (Value::Object(whole), Value::Object(patch)) => absent(whole, patch),
            _ => Vec::new(),
        };
        merge(&mut whole, self.0);
        if let Value::Object(whole) = &mut whole {
            whole.extend(unknown.into_iter().map(|name| (name, Value::Null)));
        }
        whole
    }
}

/// Deserializes and validates a JSON value; structs accept objects only. Reports all violations, unless the body
/// is large.
pub fn parse_json<T: DeserializeOwned + Validate>(value: Value) -> Result<T, Error> {
    let again = faults::is_small(&value).then(|| value.clone());
    match serde_path_to_error::deserialize(Strict(value)) {
        Ok(read) => valid(read),
        Err(error) => {
            let first = unreadable(&error);
            Err(match again {
                Some(body) => faults::all::<T>(body, first),
                None => first,
            })
        }
    }
}

/// Error for a hidden field, which looks like that of an unknown field.
pub(crate) fn hidden_field(field: &str) -> Error {
    Error::invalid(&format!("/{field}"), "unknown-field", format!("unknown field `{field}`"))
}

/// Names that the patch clears and `whole` lacks.
fn absent(whole: &Map<String, Value>, patch: &Map<String, Value>) -> Vec<String> {
    let cleared = patch.iter().filter(|(name, value)| value.is_null() && !whole.contains_key(*name));
    cleared.map(|(name, _)| name.clone()).collect()
}

fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    target.remove(&key);
                } else {
                    merge(target.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (target, patch) => *target = patch,
    }
}

/// Initial capacity that fits a page of records; growing from zero would copy the buffer seven times.
const USUAL: usize = 8 * 1024;

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut body = Vec::with_capacity(USUAL);
        match serde_json::to_writer(&mut body, &self.0) {
            Ok(()) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => Error::Internal(error.into()).into_response(),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Validate> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let UnparsedJson(body) = UnparsedJson::from_request(request, state).await?;
        parse_json(body).map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for UnparsedJson {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        parse(&read(request, state, MediaTypes::JSON).await?).map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for MergePatch {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let body = read(request, state, MediaTypes::PATCH).await?;
        Self::parse(parse(&body)?)
            .ok_or_else(|| Error::Malformed("a merge patch is a JSON object".to_owned()))
    }
}

async fn read<S: Send + Sync>(request: Request, state: &S, media: MediaTypes) -> Result<Bytes, Error> {
    let is_patch = request.method() == Method::PATCH; // some PATCH operations accept plain JSON only
    MediaTypes { is_patch, ..media }.announced(request.headers())?;
    Bytes::from_request(request, state).await.map_err(|refused| {
        if refused.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Error::TooLarge(BODY_LIMIT)
        } else {
            Error::of_body(&refused)
        }
    })
}

/// Parses JSON. On an error, parses again to find its path; only invalid requests pay for that.
fn parse(body: &[u8]) -> Result<Value, Error> {
    strict::value(body).map_err(|error| match strict::traced(body) {
        Err(traced) => unreadable(&traced),
        Ok(_) => Error::Malformed(format!("the body is not JSON: {error}")),
    })
}
