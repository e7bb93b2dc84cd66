use db::{ColumnValue, Error, FromRow, OwnedRow, Row, RowError, SqlError};
use kernel::Id;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::column::KEPT;

/// A stored record of any type. Its values stay as the database sent them until they are needed.
///
/// As JSON it has its id, its fields and its metadata.
#[derive(Debug, Clone)]
pub struct StoredRecord {
    /// Identifier.
    pub id: Uuid,
    /// Version, incremented by every change.
    pub version: i64,
    row: OwnedRow,
}

impl StoredRecord {
    /// The record with its fields as a `T`.
    pub fn read<T: FromRow>(&self) -> db::Result<Record<T>> {
        let (data, meta) = (self.data()?, self.data()?);
        Ok(Record { id: self.id.into(), data, meta, stored: self.clone() })
    }

    /// The fields as a `T`.
    pub fn data<T: FromRow>(&self) -> db::Result<T> {
        self.row.read().map_err(|error| Error::Sql(SqlError::Row(error)))
    }

    /// Names and values in the order of an answer: id, fields, metadata.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, ColumnValue<'_>)> {
        let (all, meta) = (self.row.columns(), self.row.columns());
        let id_and_fields = all.enumerate().filter(|(at, _)| *at == 0 || *at >= KEPT.len());
        id_and_fields.map(|(_, member)| member).chain(meta.take(KEPT.len()).skip(1))
    }

    /// The fields as JSON, without id and metadata.
    pub fn fields(&self) -> db::Result<Map<String, Value>> {
        let own = self.row.columns().skip(KEPT.len());
        let members = own.map(|(name, value)| Ok((name.to_owned(), to_json(&value)?)));
        members.collect()
    }

    /// The member with this name as JSON; null if there is none.
    pub fn member(&self, name: &str) -> db::Result<Value> {
        let member = self.row.columns().find(|(member, _)| *member == name);
        member.map_or(Ok(Value::Null), |(_, value)| to_json(&value))
    }

    /// The id that the member with this name holds, if it holds one.
    pub(crate) fn id_in(&self, name: &str) -> Option<Uuid> {
        self.row.get::<Option<Uuid>>(name).ok().flatten()
    }
}

impl FromRow for StoredRecord {
    fn from_row(row: &Row<'_>) -> Result<Self, RowError> {
        let (id, version) = (row.get("id")?, row.get("version")?);
        let row = OwnedRow::from_row(row)?;
        debug_assert!(
            row.columns().map(|(name, _)| name).take(KEPT.len()).eq(KEPT),
            "a statement that returns records begins with {KEPT:?}"
        );
        Ok(Self { id, version, row })
    }
}

impl Serialize for StoredRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.members() {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

/// Converts to JSON; fails if a value has no form in it.
pub(crate) fn to_json(value: &impl Serialize) -> db::Result<Value> {
    serde_json::to_value(value).map_err(|error| Error::Sql(SqlError::Encode(error.to_string())))
}

/// A stored record of a type that is known at compile time, for the rules of that type.
#[derive(Debug, Clone)]
pub struct Record<T> {
    /// Identifier, assigned by the server.
    pub id: Id<T>,
    /// Fields of the resource.
    pub data: T,
    /// Metadata that the server maintains.
    pub meta: RecordMetadata,
    /// The record as it was stored.
    pub(crate) stored: StoredRecord,
}

impl<T> Record<T> {
    /// The record as it was stored.
    #[must_use]
    pub fn into_stored(self) -> StoredRecord {
        self.stored
    }
}

impl<T: FromRow> FromRow for Record<T> {
    fn from_row(row: &Row<'_>) -> Result<Self, RowError> {
        let stored = StoredRecord::from_row(row)?;
        Ok(Self { id: stored.id.into(), data: stored.row.read()?, meta: stored.row.read()?, stored })
    }
}

/// Metadata of every record.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, FromRow, ToSchema)]
pub struct RecordMetadata {
    /// Version of the record, incremented by every change; the value of its `ETag`.
    pub version: i64,
    /// Time at which the record was created (UTC).
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Identifier of the user who created the record.
    pub created_by: Uuid,
    /// Time of the last change (UTC).
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// Identifier of the user who made the last change.
    pub updated_by: Uuid,
}
