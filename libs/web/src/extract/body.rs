use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use db::Hidden;
use http::{Method, StatusCode, header::CONTENT_TYPE};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use validator::Validate;

use super::{
    faults,
    media::MediaTypes,
    strict::{self, Strict},
    violations::{unreadable, valid},
};
use crate::{Error, finish::BODY_LIMIT};

/// A JSON body that has been read and validated; or one to send.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A JSON body that has been read, but not yet into what it is about.
#[derive(Debug)]
pub struct Unread(Value);

impl From<Value> for Unread {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl Unread {
    /// Reads and validates it, for a caller from whom these fields are hidden: to them there are no such fields. A field that
    /// has a default gets it.
    pub fn into_new<T: DeserializeOwned + Validate>(self, hidden: &Hidden) -> Result<T, Error> {
        match hidden.named_by(&self.0) {
            Some(field) => Err(hidden_field(field)),
            None => understood(self.0),
        }
    }
}

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

/// Reads and validates what is JSON already: structs from objects alone. Of a body of usual size every fault is told.
pub fn understood<T: DeserializeOwned + Validate>(value: Value) -> Result<T, Error> {
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
        let Unread(body) = Unread::from_request(request, state).await?;
        understood(body).map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for Unread {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        parse(&read(request, state, MediaTypes::JSON).await?).map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for Patch {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let body = read(request, state, MediaTypes::PATCH).await?;
        Self::of(parse(&body)?).ok_or_else(|| Error::Malformed("a merge patch is a JSON object".to_owned()))
    }
}

async fn read<S: Send + Sync>(request: Request, state: &S, media: MediaTypes) -> Result<Bytes, Error> {
    let is_patch = request.method() == Method::PATCH; // of a few operations it is JSON alone
    MediaTypes { is_patch, ..media }.announced(request.headers())?;
    Bytes::from_request(request, state).await.map_err(|refused| {
        if refused.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Error::TooLarge(BODY_LIMIT)
        } else {
            Error::of_body(&refused)
        }
    })
}

/// Reads JSON. What is at fault is looked for a second time, with its place: that costs those who send it.
fn parse(body: &[u8]) -> Result<Value, Error> {
    strict::value(body).map_err(|error| match strict::traced(body) {
        Err(traced) => unreadable(&traced),
        Ok(_) => Error::Malformed(format!("the body is not JSON: {error}")),
    })
}
