//! Exact amounts of money.

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sqlx::{Decode, Encode, Postgres, Type, encode::IsNull, error::BoxDynError, postgres};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, schema};

/// An amount of money with at most 15 digits before the decimal point and 4 after it, as `numeric(19, 4)` stores
/// it.
///
/// In JSON it is a string (`"1500.00"`), because most parsers read a JSON number as a binary fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(Decimal);

/// Reason why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a decimal number, such as `12,50`.
    #[error("not a decimal number such as \"1500.00\"")]
    NotDecimal,
    /// Out of range of `numeric(19, 4)`.
    #[error("more than 15 digits before the point or 4 after it")]
    OutOfRange,
}

impl Amount {
    /// An amount that was stored, with digits as the column has them.
    #[must_use]
    pub fn from_stored(number: Decimal) -> Self {
        Self(number.normalize())
    }

    /// The amount as a decimal number.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        self.0
    }
}

impl TryFrom<Decimal> for Amount {
    type Error = AmountError;

    fn try_from(number: Decimal) -> Result<Self, AmountError> {
        let number = number.normalize();
        let limit = Decimal::from(1_000_000_000_000_000_i64);
        if number.scale() > 4 || number.abs() >= limit {
            Err(AmountError::OutOfRange)
        } else {
            Ok(Self(number))
        }
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let plain = text.len() <= 40 && text.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-');
        let number = plain.then(|| Decimal::from_str_exact(text).ok()).flatten();
        number.ok_or(AmountError::NotDecimal)?.try_into()
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0;
        shown.rescale(shown.scale().max(2)); // at least two decimals, more if needed
        shown.fmt(f)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Type<Postgres> for Amount {
    fn type_info() -> postgres::PgTypeInfo {
        <Decimal as Type<Postgres>>::type_info()
    }
}

impl<'r> Decode<'r, Postgres> for Amount {
    fn decode(value: postgres::PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(<Decimal as Decode<Postgres>>::decode(value)?.normalize()))
    }
}

impl Encode<'_, Postgres> for Amount {
    fn encode_by_ref(&self, buf: &mut postgres::PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <Decimal as Encode<Postgres>>::encode_by_ref(&self.0, buf)
    }
}

impl utoipa::PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(schema::Type::String)
            .pattern(Some(r"^-?\d{1,15}(\.\d{1,4})?$"))
            .max_length(Some(21))
            .examples(["1500.00"])
            .into()
    }
}

impl utoipa::ToSchema for Amount {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_shows_its_cents() {
        for (written, shown) in
            [("1500", "1500.00"), ("1.5", "1.50"), ("0.1234", "0.1234"), ("1.0000", "1.00")]
        {
            assert_eq!(written.parse::<Amount>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn an_amount_that_a_column_cannot_hold_is_refused() {
        for (text, error) in [
            ("0.12345", AmountError::OutOfRange),
            ("1000000000000000", AmountError::OutOfRange),
            ("1e3", AmountError::NotDecimal),
            ("12,50", AmountError::NotDecimal),
            ("", AmountError::NotDecimal),
        ] {
            assert_eq!(text.parse::<Amount>(), Err(error), "{text}");
        }
    }
}
