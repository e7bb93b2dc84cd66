//! Texts in a format, such as web addresses: what has the type has the format.

mod error;
mod formats;
mod rule;

use std::{fmt, marker::PhantomData, ops::Deref};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sqlx::{Decode, Encode, Postgres, Type, encode::IsNull, error::BoxDynError, postgres};
use utoipa::openapi::{Object, ObjectBuilder, RefOr, Schema, schema};

pub use error::TextError;
pub use formats::{
    CurrencyCode, CurrencyCodeFormat, EmailAddress, EmailAddressFormat, LoginEmail, LoginEmailFormat,
    PhoneNumber, PhoneNumberFormat, WebUrl, WebUrlFormat,
};
pub use rule::TextRule;

/// A text in the format `F`. JSON in another format does not deserialize, not even from a `jsonb` column.
pub struct Text<F>(String, PhantomData<fn() -> F>);

/// A format of texts: rules, and their description in the API document.
pub trait TextFormat {
    /// Name of the schema in the API document.
    const NAME: &'static str;
    /// A text that follows all rules.
    const EXAMPLE: &'static str;
    /// Rules of the format, in the order in which violations are reported.
    const RULES: &'static [TextRule];

    /// Changes a text before it is checked.
    #[must_use]
    fn normalize(text: String) -> String {
        text
    }

    /// Schema of the format, from that of a string with an example.
    fn schema(string: ObjectBuilder) -> Object;
}

impl<F: TextFormat> TryFrom<String> for Text<F> {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        let text = F::normalize(text);
        match TextError::find(F::RULES, &text) {
            Some(error) => Err(error),
            None => Ok(Self(text, PhantomData)),
        }
    }
}

impl<F> Text<F> {
    /// A text that was stored: it may be older than a rule of the format.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text, PhantomData)
    }

    /// The text as a string slice.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<F> From<Text<F>> for String {
    fn from(text: Text<F>) -> Self {
        text.0
    }
}

impl<F> Deref for Text<F> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<F> Clone for Text<F> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<F> PartialEq for Text<F> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<F> Eq for Text<F> {}

impl<F> fmt::Debug for Text<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<F> fmt::Display for Text<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<F> Serialize for Text<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, F: TextFormat> Deserialize<'de> for Text<F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

impl<F> Type<Postgres> for Text<F> {
    fn type_info() -> postgres::PgTypeInfo {
        <String as Type<Postgres>>::type_info()
    }

    fn compatible(ty: &postgres::PgTypeInfo) -> bool {
        <String as Type<Postgres>>::compatible(ty)
    }
}

/// Accepts any text: a row remains readable if it is older than a rule.
impl<'r, F> Decode<'r, Postgres> for Text<F> {
    fn decode(value: postgres::PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(<String as Decode<Postgres>>::decode(value)?, PhantomData))
    }
}

impl<F> Encode<'_, Postgres> for Text<F> {
    fn encode_by_ref(&self, buf: &mut postgres::PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <String as Encode<Postgres>>::encode_by_ref(&self.0, buf)
    }
}

impl<F: TextFormat> utoipa::PartialSchema for Text<F> {
    fn schema() -> RefOr<Schema> {
        let string = ObjectBuilder::new().schema_type(schema::Type::String).examples([F::EXAMPLE]);
        Schema::from(F::schema(string)).into()
    }
}

impl<F: TextFormat> utoipa::ToSchema for Text<F> {
    fn name() -> std::borrow::Cow<'static, str> {
        F::NAME.into()
    }
}
