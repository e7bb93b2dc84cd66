use sqlx::{
    Encode, Postgres, Type, TypeInfo as _,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo},
};

use postgres_types::Type as KnownType;

use uuid::Uuid;

use crate::{Oid, SqlError};

/// Parameter values of a statement, in the form of a Bind message.
#[derive(Default)]
pub struct Bindings {
    types: Vec<Oid>,
    values: PgArgumentBuffer,
    error: Option<BoxDynError>,
}

impl Bindings {
    /// Types and values; fails if a value could not be encoded.
    pub(crate) fn encoded(&self) -> Result<(&[Oid], &[u8]), SqlError> {
        match &self.error {
            Some(error) => Err(SqlError::Encode(error.to_string())),
            None => Ok((&self.types, &self.values)),
        }
    }

    /// Number of values that are bound.
    #[must_use]
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Whether no value is bound.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// Binds a value to the next placeholder.
    pub fn bind<'v, T: Encode<'v, Postgres> + Type<Postgres> + 'v>(&mut self, value: T) {
        let of = value.produces().unwrap_or_else(T::type_info);
        self.types.push(oid(&of));
        let start = self.values.len();
        self.values.extend_from_slice(&(-1_i32).to_be_bytes());
        match value.encode(&mut self.values) {
            Ok(IsNull::Yes) => self.values.truncate(start + 4),
            Ok(IsNull::No) => self.set_length(start),
            Err(error) => self.error = Some(error),
        }
    }

    /// Binds an identifier as text, for a setting.
    pub(crate) fn bind_uuid_text(&mut self, id: Uuid) {
        self.bind(&*id.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    }

    /// Writes the length of the value that begins after `start`.
    fn set_length(&mut self, start: usize) {
        match i32::try_from(self.values.len() - start - 4) {
            Ok(length) => {
                if let Some(place) = self.values.get_mut(start..start + 4) {
                    place.copy_from_slice(&length.to_be_bytes());
                }
            }
            Err(error) => self.error = Some(error.into()),
        }
    }
}

/// Oid of a type. Enums that are stored as text know it by name only; 0 lets the server infer any other type.
fn oid(of: &PgTypeInfo) -> Oid {
    match of.oid() {
        Some(oid) => oid.0,
        None if of.name() == "text" => KnownType::TEXT.oid(),
        None => 0,
    }
}
