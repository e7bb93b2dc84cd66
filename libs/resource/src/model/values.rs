use std::{any::Any, fmt, sync::OnceLock};

use db::{Error, SqlError};
use serde::{Serialize, Serializer};
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};

/// Validated values of a record, not yet written.
pub struct Values {
    /// The values as the type that the resource has at compile time.
    typed: Box<dyn Any + Send + Sync>,
    /// Serializes the typed values, with their members in the order of the type.
    serialized: fn(&Values) -> db::Result<Box<RawValue>>,
    /// The values as JSON, once they were asked for: most writes need them only as they are stored.
    json: OnceLock<Map<String, Value>>,
}

impl Values {
    /// Wraps a validated value.
    pub(crate) fn new<T: Serialize + Send + Sync + 'static>(value: T) -> Self {
        let serialized = |values: &Self| {
            let typed = values.typed::<T>()?;
            to_raw_value(typed).map_err(|error| Error::Sql(SqlError::Encode(error.to_string())))
        };
        Self { typed: Box::new(value), serialized, json: OnceLock::new() }
    }

    /// The values as a `T`; fails if they are those of another resource.
    pub(crate) fn typed<T: 'static>(&self) -> db::Result<&T> {
        self.typed.downcast_ref().ok_or_else(unfit)
    }

    /// The value that `change` makes of this one.
    pub(crate) fn changed<T>(&self, change: impl FnOnce(&mut T)) -> db::Result<Self>
    where
        T: Clone + Serialize + Send + Sync + 'static,
    {
        let mut value = self.typed::<T>()?.clone();
        change(&mut value);
        Ok(Self::new(value))
    }

    /// The values as JSON; fails if they have no form in it.
    pub fn json(&self) -> db::Result<&Map<String, Value>> {
        if let Some(json) = self.json.get() {
            return Ok(json);
        }
        let json = serde_json::from_str((self.serialized)(self)?.get()).map_err(|_| unfit())?;
        Ok(self.json.get_or_init(|| json))
    }
}

fn unfit() -> Error {
    Error::Sql(SqlError::Encode("the values are not those of the resource".to_owned()))
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Values").finish_non_exhaustive() // they are a customer's
    }
}

/// As the fingerprint of a request has them: members in the order of the type.
impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.serialized)(self).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Serialize)]
    struct Outer {
        second: Inner,
        first: i32,
    }

    #[derive(Serialize)]
    struct Inner {
        kind: &'static str,
        address: &'static str,
    }

    #[test]
    fn the_form_for_fingerprints_is_that_of_earlier_versions() {
        let values = Values::new(Outer { second: Inner { kind: "work", address: "a" }, first: 1 });
        let text = serde_json::to_string(&values).unwrap();
        assert_eq!(text, r#"{"second":{"kind":"work","address":"a"},"first":1}"#);
        let json = json!({ "first": 1, "second": { "address": "a", "kind": "work" } });
        assert_eq!(Some(values.json().unwrap()), json.as_object());
    }
}
