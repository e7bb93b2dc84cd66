use std::{any::Any, fmt, sync::OnceLock};

use db::{Error, SqlError};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value};

use super::{Schema, to_json};

/// Validated values of a record, not yet written.
pub struct Values {
    /// The values as the type that the resource has at compile time.
    typed: Box<dyn Any + Send + Sync>,
    as_json: fn(&Values) -> db::Result<Map<String, Value>>,
    /// The values as JSON, once they were asked for: most writes need them only as they are stored.
    json: OnceLock<Map<String, Value>>,
}

impl Values {
    /// Wraps a validated value.
    pub(crate) fn new<T: Serialize + Send + Sync + 'static>(value: T) -> Self {
        let as_json = |values: &Self| match to_json(values.typed::<T>()?)? {
            Value::Object(json) => Ok(json),
            _ => Err(unfit()),
        };
        Self { typed: Box::new(value), as_json, json: OnceLock::new() }
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
        let json = (self.as_json)(self)?;
        Ok(self.json.get_or_init(|| json))
    }

    /// The values in the order of the schema's fields, as the fingerprint of a request has them.
    pub(crate) fn in_order<'v>(&'v self, schema: &'v Schema) -> impl Serialize + 'v {
        InOrder { values: self, schema }
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

struct InOrder<'v> {
    values: &'v Values,
    schema: &'v Schema,
}

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = self.values.json().map_err(serde::ser::Error::custom)?;
        let mut map = serializer.serialize_map(None)?;
        for field in &self.schema.fields {
            if let Some(value) = json.get(field.name) {
                map.serialize_entry(field.name, value)?;
            }
        }
        map.end()
    }
}
