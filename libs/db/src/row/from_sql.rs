use fallible_iterator::FallibleIterator as _;
use kernel::{Amount, Id, Text};
use postgres_protocol::types::array_from_sql;
use postgres_types::{Kind, Type};
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::types::Json;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::Oid;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A type that values of PostgreSQL are read as, from their binary format.
pub trait FromSql<'r>: Sized {
    /// Whether values of this type can be read.
    fn accepts(oid: Oid) -> bool;

    /// Reads a value of this type.
    ///
    /// # Errors
    ///
    /// If the bytes are no such value.
    fn from_sql(oid: Oid, bytes: &'r [u8]) -> Result<Self, Error>;

    /// Reads null.
    ///
    /// # Errors
    ///
    /// If the type has no such value.
    fn from_null() -> Result<Self, Error> {
        Err("unexpected null".into())
    }
}

/// Reads these types as `postgres-types` does.
macro_rules! delegate {
    ($($of:ty: $($pg:ident)|+;)+) => {$(
        impl<'r> FromSql<'r> for $of {
            fn accepts(oid: Oid) -> bool {
                [$(Type::$pg.oid()),+].contains(&oid)
            }

            fn from_sql(oid: Oid, bytes: &'r [u8]) -> Result<Self, Error> {
                let of = Type::from_oid(oid).unwrap_or(Type::UNKNOWN);
                <$of as postgres_types::FromSql>::from_sql(&of, bytes)
            }
        }
    )+};
}

delegate! {
    bool: BOOL;
    i16: INT2;
    i32: INT4;
    i64: INT8;
    f32: FLOAT4;
    f64: FLOAT8;
    u32: OID;
    &'r str: TEXT | VARCHAR | BPCHAR | NAME | UNKNOWN;
    String: TEXT | VARCHAR | BPCHAR | NAME | UNKNOWN;
    &'r [u8]: BYTEA;
    Vec<u8>: BYTEA;
    Uuid: UUID;
    OffsetDateTime: TIMESTAMPTZ;
    Date: DATE;
    Decimal: NUMERIC;
    Value: JSON | JSONB;
}

impl<'r, T: FromSql<'r>> FromSql<'r> for Option<T> {
    fn accepts(oid: Oid) -> bool {
        T::accepts(oid)
    }

    fn from_sql(oid: Oid, bytes: &'r [u8]) -> Result<Self, Error> {
        T::from_sql(oid, bytes).map(Some)
    }

    fn from_null() -> Result<Self, Error> {
        Ok(None)
    }
}

impl<'r, T: FromSql<'r>> FromSql<'r> for Vec<T> {
    fn accepts(oid: Oid) -> bool {
        let of = Type::from_oid(oid);
        of.is_some_and(|of| matches!(of.kind(), Kind::Array(member) if T::accepts(member.oid())))
    }

    fn from_sql(_: Oid, bytes: &'r [u8]) -> Result<Self, Error> {
        let array = array_from_sql(bytes)?;
        if array.dimensions().count()? > 1 {
            return Err("an array of several dimensions".into());
        }
        let member = array.element_type();
        let values = array.values().map(|value| match value {
            Some(value) => T::from_sql(member, value),
            None => T::from_null(),
        });
        values.collect()
    }
}

/// A JSON document, read without its tree.
impl<T: DeserializeOwned> FromSql<'_> for Json<T> {
    fn accepts(oid: Oid) -> bool {
        [Type::JSON.oid(), Type::JSONB.oid()].contains(&oid)
    }

    fn from_sql(oid: Oid, bytes: &[u8]) -> Result<Self, Error> {
        let text = if oid == Type::JSONB.oid() {
            bytes.strip_prefix(&[1]).ok_or("jsonb of an unknown version")?
        } else {
            bytes
        };
        Ok(Self(serde_json::from_slice(text)?))
    }
}

impl<T> FromSql<'_> for Id<T> {
    fn accepts(oid: Oid) -> bool {
        Uuid::accepts(oid)
    }

    fn from_sql(oid: Oid, bytes: &[u8]) -> Result<Self, Error> {
        Uuid::from_sql(oid, bytes).map(Self::from)
    }
}

impl FromSql<'_> for Amount {
    fn accepts(oid: Oid) -> bool {
        Decimal::accepts(oid)
    }

    fn from_sql(oid: Oid, bytes: &[u8]) -> Result<Self, Error> {
        Decimal::from_sql(oid, bytes).map(Self::from_stored)
    }
}

/// Accepts any text: a row remains readable if it is older than a rule of the format.
impl<F> FromSql<'_> for Text<F> {
    fn accepts(oid: Oid) -> bool {
        String::accepts(oid)
    }

    fn from_sql(oid: Oid, bytes: &[u8]) -> Result<Self, Error> {
        String::from_sql(oid, bytes).map(Self::from_stored)
    }
}

/// Stores an enum as the text by which serde knows it: implements [`FromSql`] and the traits to bind it.
#[macro_export]
macro_rules! text_enum {
    ($of:ty) => {
        impl $crate::FromSql<'_> for $of {
            fn accepts(oid: $crate::Oid) -> bool {
                <&str as $crate::FromSql>::accepts(oid)
            }

            fn from_sql(
                oid: $crate::Oid,
                bytes: &[u8],
            ) -> ::std::result::Result<Self, ::std::boxed::Box<dyn ::std::error::Error + Send + Sync>> {
                $crate::read_word(<&str as $crate::FromSql>::from_sql(oid, bytes)?)
            }
        }
    };
}

/// Deserializes an enum from its name.
#[doc(hidden)]
pub fn read_word<'w, T: serde::Deserialize<'w>>(word: &'w str) -> Result<T, Error> {
    let reader = serde::de::value::BorrowedStrDeserializer::<serde::de::value::Error>::new(word);
    Ok(T::deserialize(reader)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &dyn postgres_types::ToSql, of: &Type) -> Vec<u8> {
        let mut bytes = bytes::BytesMut::new();
        value.to_sql_checked(of, &mut bytes).unwrap();
        bytes.to_vec()
    }

    #[test]
    fn an_array_is_read_by_its_members() {
        let texts = written(&vec!["a", "b"], &Type::TEXT_ARRAY);
        assert!(
            Vec::<String>::accepts(Type::TEXT_ARRAY.oid()) && !Vec::<Uuid>::accepts(Type::TEXT_ARRAY.oid())
        );
        assert_eq!(Vec::<String>::from_sql(Type::TEXT_ARRAY.oid(), &texts).unwrap(), ["a", "b"]);
        let some = written(&vec![Some(1_i64), None], &Type::INT8_ARRAY);
        assert_eq!(Vec::<Option<i64>>::from_sql(Type::INT8_ARRAY.oid(), &some).unwrap(), [Some(1), None]);
        assert!(Vec::<i64>::from_sql(Type::INT8_ARRAY.oid(), &some).is_err(), "null is no number");
    }

    #[test]
    fn json_is_read_without_the_version_of_jsonb() {
        let (json, jsonb) = (Type::JSON.oid(), Type::JSONB.oid());
        assert_eq!(Json::<Vec<u8>>::from_sql(jsonb, b"\x01[1]").unwrap().0, [1]);
        assert_eq!(Json::<Vec<u8>>::from_sql(json, b"[1]").unwrap().0, [1]);
        assert!(Json::<Vec<u8>>::from_sql(jsonb, b"\x02[1]").is_err());
    }
}
