//! Typed identifiers, which cannot be confused with each other.

use std::{fmt, hash, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sqlx::{Decode, Encode, Postgres, Type, encode::IsNull, error::BoxDynError, postgres};
use utoipa::openapi::{
    KnownFormat, ObjectBuilder, RefOr, Required, Schema, SchemaFormat,
    path::{Parameter, ParameterBuilder, ParameterIn},
    schema,
};
use uuid::Uuid;

/// Identifier of a `T`. An `Id<Supplier>` is not an `Id<Client>`.
pub struct Id<T>(Uuid, PhantomData<fn() -> T>);

impl<T> Id<T> {
    /// Generates an identifier (UUID version 7), which sorts after earlier ones.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default identity would be a surprise")]
    pub fn new() -> Self {
        Self::from(Uuid::now_v7())
    }
}

/// A tenant: a company with data in this installation.
#[derive(Debug)]
pub enum Account {}

/// A person or service account, who may be a member of several accounts.
#[derive(Debug)]
pub enum User {}

/// A login session of a user.
#[derive(Debug)]
pub enum Session {}

/// Identifier of an account.
pub type AccountId = Id<Account>;

/// Identifier of a user.
pub type UserId = Id<User>;

/// Identifier of a session.
pub type SessionId = Id<Session>;

impl<T> From<Uuid> for Id<T> {
    fn from(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }
}

impl<T> From<Id<T>> for Uuid {
    fn from(id: Id<T>) -> Self {
        id.0
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Id<T> {}

impl<T> hash::Hash for Id<T> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> FromStr for Id<T> {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<Uuid>().map(Self::from)
    }
}

impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::from)
    }
}

impl<T> Type<Postgres> for Id<T> {
    fn type_info() -> postgres::PgTypeInfo {
        <Uuid as Type<Postgres>>::type_info()
    }
}

impl<'r, T> Decode<'r, Postgres> for Id<T> {
    fn decode(value: postgres::PgValueRef<'r>) -> Result<Self, BoxDynError> {
        <Uuid as Decode<Postgres>>::decode(value).map(Self::from)
    }
}

impl<T> Encode<'_, Postgres> for Id<T> {
    fn encode_by_ref(&self, buf: &mut postgres::PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <Uuid as Encode<Postgres>>::encode_by_ref(&self.0, buf)
    }
}

impl<T> utoipa::PartialSchema for Id<T> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(schema::Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
            .into()
    }
}

impl<T> utoipa::ToSchema for Id<T> {}

impl<T> utoipa::IntoParams for Id<T> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            ParameterBuilder::new()
                .name("id")
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(<Self as utoipa::PartialSchema>::schema()))
                .build(),
        ]
    }
}
