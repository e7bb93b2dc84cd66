//! What records refer to: for conditions on it, and for answers that hold it.

use std::{borrow::Cow, collections::HashMap, fmt, future::Future, pin::Pin};

use serde_json::Value as Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::column::{self, Column};
use crate::{Hidden, Record, Resource, Result, TenantTx, keep::names, reach::Reach, record::KEPT};

type Fetched<'t> = Pin<Box<dyn Future<Output = Result<HashMap<Uuid, Json>>> + Send + 't>>;

/// Something that a record refers to by a column that holds its id.
pub struct Related {
    /// As filters and `expand` name it.
    pub(crate) name: &'static str,
    /// The column of the record.
    pub(crate) column: &'static str,
    /// The word in permissions.
    pub(crate) resource: &'static str,
    /// The table.
    pub(crate) plural: &'static str,
    pub(super) find: fn(&str) -> Option<Column>,
    /// The condition that it is in reach; `None`: it may not be read at all.
    pub(crate) reach: fn(&Reach) -> Option<String>,
    /// The fields of the record that are judged together with what it refers to.
    pub(crate) judged: &'static [&'static str],
    /// The name of its records' schema in the API document.
    pub(crate) schema_name: fn() -> Cow<'static, str>,
    pub(super) fetch: for<'t> fn(&'t mut TenantTx, Vec<Uuid>) -> Fetched<'t>,
}

impl Related {
    /// A `T` whose id the column holds.
    #[must_use]
    pub const fn to<T: Resource>(name: &'static str, column: &'static str) -> Self {
        Self {
            name,
            column,
            resource: T::NAME,
            plural: T::PLURAL,
            find: column::find::<T>,
            reach: Reach::reading::<T>,
            judged: &[],
            schema_name: <Record<T> as ToSchema>::name,
            fetch: |tx, ids| Box::pin(fetch::<T>(tx, ids)),
        }
    }

    /// The same, for a record whose `fields` are held against other records that refer to the same one. The refusal would
    /// tell of those: whoever changes these fields must be able to read what the record refers to, new or not.
    #[must_use]
    pub const fn judging(self, fields: &'static [&'static str]) -> Self {
        Self { judged: fields, ..self }
    }

    /// As filters and `expand` name it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The column that holds its id.
    #[must_use]
    pub const fn column(&self) -> &'static str {
        self.column
    }

    /// The fields that are judged together with it.
    #[must_use]
    pub const fn judged(&self) -> &'static [&'static str] {
        self.judged
    }

    /// The word for it in permissions.
    #[must_use]
    pub const fn resource(&self) -> &'static str {
        self.resource
    }

    /// Its table.
    #[must_use]
    pub const fn plural(&self) -> &'static str {
        self.plural
    }
}

impl fmt::Debug for Related {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Related").field(&self.name).finish()
    }
}

impl PartialEq for Related {
    fn eq(&self, other: &Self) -> bool {
        (self.name, self.column) == (other.name, other.column)
    }
}

/// The records of these ids that are in reach, in one statement, as their reader may see them.
async fn fetch<T: Resource>(tx: &mut TenantTx, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Json>> {
    let Some(reach) = tx.reach.reading::<T>() else { return Ok(HashMap::new()) };
    let hidden = tx.reach.hidden_of(T::NAME);
    let text = format!(
        "select {KEPT}, {} from app.{} related where account_id = $1 and id = any ($2) and deleted_at is null{reach}",
        names::<T>(),
        T::PLURAL
    );
    let records: Vec<Record<T>> = tx.built(text).bind(ids).all().await?;
    Ok(records.iter().filter_map(|record| Some((record.id.into(), shown(record, &hidden)?))).collect())
}

fn shown<T: Resource>(record: &Record<T>, hidden: &Hidden) -> Option<Json> {
    let mut json = serde_json::to_value(record).ok()?;
    hidden.mask(&mut json);
    Some(json)
}
