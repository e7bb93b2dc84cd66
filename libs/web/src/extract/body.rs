use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use db::Hidden;
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use validator::Validate;

use super::{
    bounds::within_bounds,
    violations::{nul, unreadable, valid},
};
use crate::{Error, finish::BODY_LIMIT};

/// A JSON body that has been read and validated; or one to send.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A change to part of a `T`, after RFC 7396: absent stays, `null` clears.
#[derive(Debug)]
pub struct Patch(Value);

impl Patch {
    /// If `value` is one: an object.
    #[must_use]
    pub fn of(value: Value) -> Option<Self> {
        value.is_object().then_some(Self(value))
    }

    /// Refuses a change of what the caller may not see: nobody clears, or sets, what they do not know.
    pub fn spares(&self, hidden: &Hidden) -> Result<(), Error> {
        let touched = self.0.as_object().into_iter().flatten().find(|(field, _)| hidden.hide(field));
        touched.map_or(Ok(()), |(field, _)| Err(hidden_field(field)))
    }

    /// What `current` becomes; it is read and validated as if it had been sent whole.
    pub fn onto<T: Serialize + DeserializeOwned + Validate>(self, current: &T) -> Result<T, Error> {
        let mut whole = serde_json::to_value(current).map_err(|error| Error::Internal(error.into()))?;
        merge(&mut whole, self.0);
        understood(whole)
    }
}

/// Reads and validates what is JSON already.
pub fn understood<T: DeserializeOwned + Validate>(value: Value) -> Result<T, Error> {
    valid(serde_path_to_error::deserialize(value).map_err(|error| unreadable(&error))?)
}

/// To whoever may not see a field, there is none.
pub(crate) fn hidden_field(field: &str) -> Error {
    Error::invalid(&format!("/{field}"), "unknown-field", format!("unknown field `{field}`"))
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

/// A page of records fits in; a buffer that grows from nothing is copied seven times on its way there.
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
        let body = read(request, state, &["application/json"]).await?;
        valid(parse(&body)?).map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for Patch {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let body = read(request, state, &["application/json", "application/merge-patch+json"]).await?;
        let patch: Value = parse(&body)?;
        Self::of(patch).ok_or_else(|| Error::Malformed("a merge patch is a JSON object".to_owned()))
    }
}

async fn read<S: Send + Sync>(request: Request, state: &S, media: &[&str]) -> Result<Bytes, Error> {
    if !is_one_of(request.headers(), media) {
        return Err(Error::UnsupportedMediaType);
    }
    Bytes::from_request(request, state).await.map_err(|refused| {
        if refused.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Error::TooLarge(BODY_LIMIT)
        } else {
            Error::Malformed("the body broke off".to_owned())
        }
    })
}

fn is_one_of(headers: &HeaderMap, media: &[&str]) -> bool {
    let sent = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()?.split(';').next());
    sent.is_some_and(|sent| media.iter().any(|media| sent.trim().eq_ignore_ascii_case(media)))
}

/// Reads JSON. A text with NUL is refused by name: PostgreSQL cannot keep one.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    within_bounds(body)?;
    if body.windows(6).any(|six| six == br"\u0000") {
        let whole =
            serde_json::from_slice::<Value>(body).map_err(|error| Error::Malformed(error.to_string()))?;
        if let Some(pointer) = nul(&whole) {
            return Err(Error::invalid(&pointer, "nul", "must not hold the character U+0000"));
        }
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| unreadable(&error))?;
    json.end().map_err(|error| Error::Malformed(error.to_string()))?;
    Ok(value)
}
