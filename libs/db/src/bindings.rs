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

    /// Binds an array for each value of these rows: its elements are the values that the rows have there. All rows have
    /// the same number of values, of the same types. Binds nothing and returns `false` if a type has no arrays.
    pub fn bind_columns(&mut self, rows: &[Self]) -> bool {
        let Some(first) = rows.first() else { return false };
        let arrays: Option<Vec<Oid>> = first.types.iter().map(|of| array_of(*of)).collect();
        let Some(arrays) = arrays.filter(|_| rows.iter().all(|row| row.types == first.types)) else {
            return false;
        };
        let mut rest: Vec<&[u8]> = rows.iter().map(|row| &**row.values).collect();
        for (element, array) in first.types.iter().zip(arrays) {
            let values: Vec<Option<&[u8]>> = rest.iter_mut().map(|row| take_value(row)).collect();
            self.bind_array(*element, array, &values);
        }
        self.error = self.error.take().or_else(|| rows.iter().find_map(Self::failure));
        true
    }

    /// Binds the values of `other` after those that are bound.
    pub fn append(&mut self, other: Self) {
        self.types.extend(other.types);
        self.values.extend_from_slice(&other.values);
        self.error = self.error.take().or(other.error);
    }

    /// Binds an array in its binary format (`array_recv`): dimensions, flags (which the server ignores), type of the
    /// elements, length and lower bound, and each element with its length.
    fn bind_array(&mut self, element: Oid, array: Oid, values: &[Option<&[u8]>]) {
        self.types.push(array);
        let start = self.values.len();
        let Ok(count) = i32::try_from(values.len()) else {
            self.error = Some("an array has too many elements".into());
            return;
        };
        for head in [0, 1, 0, element.cast_signed(), count, 1] {
            self.values.extend_from_slice(&head.to_be_bytes());
        }
        for value in values {
            // A value was encoded with its length, which fits.
            let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap_or(-1));
            self.values.extend_from_slice(&length.to_be_bytes());
            self.values.extend_from_slice(value.unwrap_or_default());
        }
        self.set_length(start);
    }

    /// Reason why a value could not be encoded, for another statement.
    fn failure(&self) -> Option<BoxDynError> {
        self.error.as_ref().map(|error| error.to_string().into())
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

/// Takes the next value of a row from its encoded values; `None` if it is null.
fn take_value<'r>(row: &mut &'r [u8]) -> Option<&'r [u8]> {
    let (length, rest) = row.split_first_chunk()?;
    let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
        *row = rest;
        return None;
    };
    let (value, rest) = rest.split_at_checked(length)?;
    *row = rest;
    Some(value)
}

/// Type of the arrays with elements of this type, for the types of our columns.
fn array_of(element: Oid) -> Option<Oid> {
    let array = match KnownType::from_oid(element)? {
        KnownType::BOOL => KnownType::BOOL_ARRAY,
        KnownType::INT4 => KnownType::INT4_ARRAY,
        KnownType::INT8 => KnownType::INT8_ARRAY,
        KnownType::TEXT => KnownType::TEXT_ARRAY,
        KnownType::UUID => KnownType::UUID_ARRAY,
        KnownType::NUMERIC => KnownType::NUMERIC_ARRAY,
        KnownType::DATE => KnownType::DATE_ARRAY,
        KnownType::TIMESTAMPTZ => KnownType::TIMESTAMPTZ_ARRAY,
        KnownType::JSONB => KnownType::JSONB_ARRAY,
        _ => return None,
    };
    Some(array.oid())
}

/// Oid of a type. Enums that are stored as text know it by name only; 0 lets the server infer any other type.
fn oid(of: &PgTypeInfo) -> Oid {
    match of.oid() {
        Some(oid) => oid.0,
        None if of.name() == "text" => KnownType::TEXT.oid(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: Option<i32>, text: &str) -> Bindings {
        let mut row = Bindings::default();
        row.bind(number);
        row.bind(text);
        row
    }

    #[test]
    fn the_columns_of_rows_are_bound_as_arrays() {
        let (mut columns, mut arrays) = (Bindings::default(), Bindings::default());
        assert!(columns.bind_columns(&[row(Some(1), "a"), row(None, ""), row(Some(3), "c")]));
        arrays.bind(vec![Some(1), None, Some(3)]);
        arrays.bind(vec!["a", "", "c"]);
        assert_eq!(columns.encoded().unwrap(), arrays.encoded().unwrap());
    }

    #[test]
    fn rows_whose_types_differ_or_have_no_arrays_are_not_bound() {
        let mut other = Bindings::default();
        other.bind(1_i64);
        other.bind("a");
        let mut lists = Bindings::default();
        lists.bind(vec!["a"]);
        for rows in [vec![row(None, "a"), other], vec![lists], Vec::new()] {
            let mut columns = Bindings::default();
            assert!(!columns.bind_columns(&rows) && columns.is_empty());
        }
    }
}
