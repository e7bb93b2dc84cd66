use kernel::Amount;
use postgres_types::Type;
use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::{FromSql, Oid};

/// A value of a column as JSON: amounts as strings (they are exact), dates by ISO 8601, instants by RFC 3339, `json` and
/// `jsonb` as they are.
#[derive(Debug, Clone, Copy)]
pub struct ColumnValue<'r> {
    pub(super) oid: Oid,
    pub(super) bytes: Option<&'r [u8]>,
}

impl<'r> ColumnValue<'r> {
    fn read<T: FromSql<'r>, S: Serializer>(&self, bytes: &'r [u8]) -> Result<T, S::Error> {
        T::from_sql(self.oid, bytes).map_err(S::Error::custom)
    }
}

impl Serialize for ColumnValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(bytes) = self.bytes else { return serializer.serialize_none() };
        match Type::from_oid(self.oid) {
            Some(Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME) => {
                serializer.serialize_str(self.read::<&str, S>(bytes)?)
            }
            Some(Type::UUID) => self.read::<Uuid, S>(bytes)?.serialize(serializer),
            Some(Type::BOOL) => serializer.serialize_bool(self.read::<bool, S>(bytes)?),
            Some(Type::INT2) => serializer.serialize_i16(self.read::<i16, S>(bytes)?),
            Some(Type::INT4) => serializer.serialize_i32(self.read::<i32, S>(bytes)?),
            Some(Type::INT8) => serializer.serialize_i64(self.read::<i64, S>(bytes)?),
            Some(Type::NUMERIC) => self.read::<Amount, S>(bytes)?.serialize(serializer),
            Some(Type::TIMESTAMPTZ) => {
                time::serde::rfc3339::serialize(&self.read::<OffsetDateTime, S>(bytes)?, serializer)
            }
            Some(Type::DATE) => serializer.collect_str(&self.read::<Date, S>(bytes)?),
            Some(Type::JSON) => raw(bytes).map_err(S::Error::custom)?.serialize(serializer),
            Some(Type::JSONB) => {
                // Its binary format is a version and the text (`jsonb_send`).
                let text = bytes
                    .strip_prefix(&[1])
                    .ok_or_else(|| S::Error::custom("jsonb of an unknown version"))?;
                raw(text).map_err(S::Error::custom)?.serialize(serializer)
            }
            Some(Type::TEXT_ARRAY) => self.read::<Vec<&str>, S>(bytes)?.serialize(serializer),
            Some(Type::UUID_ARRAY) => self.read::<Vec<Uuid>, S>(bytes)?.serialize(serializer),
            of => Err(S::Error::custom(format!("values of type {of:?} have no form in JSON"))),
        }
    }
}

/// The text of a JSON document, as it is.
fn raw(text: &[u8]) -> Result<&RawValue, serde_json::Error> {
    serde_json::from_slice(text)
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;
    use serde_json::{Value, json};
    use time::macros::{date, datetime};

    use super::*;

    fn shown(value: &dyn postgres_types::ToSql, of: &Type) -> Value {
        let mut bytes = bytes::BytesMut::new();
        value.to_sql_checked(of, &mut bytes).unwrap();
        serde_json::to_value(ColumnValue { oid: of.oid(), bytes: Some(&bytes) }).unwrap()
    }

    #[test]
    fn a_value_has_the_json_form_of_its_type() {
        let id = Uuid::from_u128(7);
        let amount = Decimal::new(12_500, 3);
        assert_eq!(shown(&"a", &Type::TEXT), json!("a"));
        assert_eq!(shown(&id, &Type::UUID), json!(id));
        assert_eq!(shown(&7_i32, &Type::INT4), json!(7));
        assert_eq!(shown(&true, &Type::BOOL), json!(true));
        assert_eq!(
            shown(&amount, &Type::NUMERIC),
            serde_json::to_value(Amount::from_stored(amount)).unwrap()
        );
        assert_eq!(shown(&date!(2026 - 01 - 31), &Type::DATE), json!("2026-01-31"));
        let instant = datetime!(2026-01-31 10:00:00.5 UTC);
        assert_eq!(shown(&instant, &Type::TIMESTAMPTZ), json!("2026-01-31T10:00:00.5Z"));
        assert_eq!(shown(&vec!["a", "b"], &Type::TEXT_ARRAY), json!(["a", "b"]));
        assert_eq!(
            shown(&json!({ "b": [1, null], "a": 2 }), &Type::JSONB),
            json!({ "a": 2, "b": [1, null] })
        );
        assert_eq!(serde_json::to_value(ColumnValue { oid: 25, bytes: None }).unwrap(), Value::Null);
        assert!(serde_json::to_value(ColumnValue { oid: Type::POINT.oid(), bytes: Some(&[]) }).is_err());
    }
}
