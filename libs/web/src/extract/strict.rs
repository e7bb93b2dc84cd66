//! Strict JSON (RFC 8259): unique member names (section 4), bounded depth and memory, and structs from objects
//! only. Serde would also accept an array, with the source order of fields as a hidden contract.

use std::{cell::Cell, fmt};

use serde::{
    Deserializer, de,
    de::{DeserializeSeed, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor, value},
    forward_to_deserialize_any,
};
use serde_json::{Error, Map, Value};

/// Maximum nesting depth of arrays and objects.
pub(super) const MAX_DEPTH: usize = 32;
/// Maximum number of values, over all arrays and objects.
const MAX_VALUES: usize = 50_000;
/// Maximum length of a member name in bytes.
const MAX_NAME: usize = 1_000;
/// Maximum memory of a parsed body in bytes. A small object takes a hundred times its text.
const MAX_BYTES: usize = 16 << 20;
/// Estimated memory of an object, and of any value.
const OBJECT_BYTES: usize = 640;
const VALUE_BYTES: usize = 32;
/// Prefix of errors about exceeded limits of the body.
pub(super) const BODY: &str = "the body";
/// Error for a text that PostgreSQL cannot store.
pub(super) const NUL: &str = "must not hold the character U+0000";

/// Parses the JSON of a body into a [`Value`].
pub(super) fn value(body: &[u8]) -> Result<Value, Error> {
    let left = Budget::default();
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = Reader { left: &left, depth: 0 }.deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

/// Like [`value()`], but slower, and with the path of the error.
pub(super) fn traced(body: &[u8]) -> Result<Value, serde_path_to_error::Error<Error>> {
    let left = Budget::default();
    let mut track = serde_path_to_error::Track::new();
    let mut json = serde_json::Deserializer::from_slice(body);
    let json = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let read = Reader { left: &left, depth: 0 }.deserialize(json);
    read.map_err(|error| serde_path_to_error::Error::new(track.path(), error))
}

/// Remaining memory and values of a body.
struct Budget {
    bytes: Cell<usize>,
    values: Cell<usize>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: Cell::new(MAX_BYTES), values: Cell::new(MAX_VALUES) }
    }
}

/// Builds a [`Value`] within the limits.
#[derive(Clone, Copy)]
struct Reader<'b> {
    left: &'b Budget,
    depth: usize,
}

impl Reader<'_> {
    fn take<E: de::Error>(self, bytes: usize) -> Result<(), E> {
        let (left, values) =
            (self.left.bytes.get().checked_sub(bytes), self.left.values.get().checked_sub(1));
        let (Some(left), Some(values)) = (left, values) else {
            return Err(E::custom(format_args!(
                "{BODY} has more than {MAX_VALUES} values, or too many objects"
            )));
        };
        self.left.bytes.set(left);
        self.left.values.set(values);
        Ok(())
    }

    fn within<E: de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(format_args!("{BODY} nests deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn text<E: de::Error>(self, text: String) -> Result<String, E> {
        self.take(VALUE_BYTES + text.len())?;
        if text.contains('\0') { Err(E::custom(NUL)) } else { Ok(text) }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        self.take(VALUE_BYTES)?;
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        self.take(VALUE_BYTES)?;
        Ok(value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        self.take(VALUE_BYTES)?;
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        self.take(VALUE_BYTES)?;
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        self.take(VALUE_BYTES)?;
        Ok(value.into())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        self.text(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.within()?;
        self.take(VALUE_BYTES)?;
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.within()?;
        self.take(OBJECT_BYTES)?;
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if name.len() > MAX_NAME {
                return Err(A::Error::custom(format_args!(
                    "{BODY} has a name of more than {MAX_NAME} bytes"
                )));
            }
            let name = self.text(name)?;
            if all.contains_key(&name) {
                return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
            }
            let value = members.next_value_seed(inner)?;
            all.insert(name, value);
        }
        Ok(Value::Object(all))
    }
}

/// Deserializer for a value that builds structs from objects only, at every depth.
pub(super) struct Strict(pub(super) Value);

impl IntoDeserializer<'_, Error> for Strict {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Strict {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => {
                let mut items = value::SeqDeserializer::new(items.into_iter().map(Strict));
                let read = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(read)
            }
            Value::Object(members) => {
                let mut members = value::MapDeserializer::new(
                    members.into_iter().map(|(name, value)| (name, Strict(value))),
                );
                let read = visitor.visit_map(&mut members)?;
                members.end()?;
                Ok(read)
            }
            plain => plain.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_object() {
            self.deserialize_any(visitor)
        } else {
            Err(Error::custom("must be an object"))
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(members) => {
                let members = members.into_iter().map(|(name, value)| (name, Strict(value)));
                value::MapAccessDeserializer::new(value::MapDeserializer::new(members))
                    .deserialize_enum(name, variants, visitor)
            }
            plain => plain.deserialize_enum(name, variants, visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Step {
        text: String,
        done: Option<bool>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum ExpectedShape {
        Dot,
        Line { from: u8, to: u8 },
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct IntegerKind {
        steps: Vec<Step>,
        pair: Option<(u8, u8)>,
        shapes: Vec<ExpectedShape>,
    }

    fn read<T: de::DeserializeOwned>(value: Value) -> Result<T, Error> {
        T::deserialize(Strict(value))
    }

    #[test]
    fn a_struct_is_read_from_an_object_at_every_depth() {
        let shapes = json!(["dot", { "line": { "from": 1, "to": 2 } }]);
        let whole: IntegerKind =
            read(json!({ "steps": [{ "text": "a" }], "pair": [1, 2], "shapes": shapes })).unwrap();
        assert_eq!(whole.steps, [Step { text: "a".to_owned(), done: None }]);
        assert_eq!(whole.shapes, [ExpectedShape::Dot, ExpectedShape::Line { from: 1, to: 2 }]);
        for positional in [
            json!([[], null, []]),
            json!({ "steps": [["a", true]], "shapes": [] }),
            json!({ "steps": [], "shapes": [{ "line": [1, 2] }] }),
        ] {
            assert!(read::<IntegerKind>(positional.clone()).is_err(), "{positional}");
        }
    }

    #[test]
    fn a_tuple_has_as_many_items_as_it_says() {
        assert!(read::<(u8, u8)>(json!([1, 2])).is_ok());
        assert!(read::<(u8, u8)>(json!([1, 2, 3])).is_err());
    }

    #[test]
    fn a_member_stands_once_at_every_depth() {
        assert!(value(br#"{"a":1,"b":{"a":2}}"#).is_ok());
        for twice in [r#"{"a":1,"a":1}"#, r#"{"b":[{"a":1,"\u0061":2}]}"#] {
            let error = value(twice.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("duplicate field `a`"), "{error}");
        }
    }

    #[test]
    fn depth_and_memory_are_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(value(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(value(nested(MAX_DEPTH + 1).as_bytes()).is_err());
        let objects = format!("[{}{{}}]", r#"{"":0},"#.repeat(100_000));
        assert!(value(objects.as_bytes()).unwrap_err().to_string().contains("values"));
        assert!(value(format!("[{}0]", "0,".repeat(40_000)).as_bytes()).is_ok());
        assert!(value(format!("[{}0]", "0,".repeat(100_000)).as_bytes()).is_err());
        assert!(value(format!(r#"{{"{}":0}}"#, "n".repeat(MAX_NAME + 1)).as_bytes()).is_err());
    }
}
