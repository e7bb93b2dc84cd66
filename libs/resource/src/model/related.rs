//! Relations: references to other records, for filters and for `expand`.

use std::{borrow::Cow, collections::HashMap, fmt, future::Future, pin::Pin};

use db::{AccessTarget, HiddenFields, Result, TenantTx};
use serde_json::Value as Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Record, Resource,
    column::{Column, KEPT, find_column, names},
};

type Fetched<'t> = Pin<Box<dyn Future<Output = Result<HashMap<Uuid, Json>>> + Send + 't>>;

/// A relation: a column of a record that holds the id of another record.
pub struct Related {
    /// Name in filters and in `expand`.
    pub(crate) name: &'static str,
    /// Referencing column of the record.
    pub(crate) column: &'static str,
    /// Access control of the related records.
    pub(crate) access: AccessTarget,
    /// Finds a column of the related records.
    pub(crate) find: fn(&str) -> Option<Column>,
    /// Fields of the record that are validated together with the related record.
    pub(crate) judged: &'static [&'static str],
    /// Schema name of the related records in the API document.
    pub(crate) schema_name: fn() -> Cow<'static, str>,
    pub(crate) fetch: for<'t> fn(&'t mut TenantTx, Vec<Uuid>) -> Fetched<'t>,
}

impl Related {
    /// A relation to a `T` whose id the column holds.
    #[must_use]
    pub const fn new<T: Resource>(name: &'static str, column: &'static str) -> Self {
        Self {
            name,
            column,
            access: T::ACCESS,
            find: find_column::<T>,
            judged: &[],
            schema_name: <Record<T> as ToSchema>::name,
            fetch: |tx, ids| Box::pin(fetch::<T>(tx, ids)),
        }
    }

    /// Declares `fields` that are validated against other records with the same reference. A refusal would
    /// disclose those records, so changing these fields requires permission to read the related record, even if
    /// the reference is unchanged.
    #[must_use]
    pub const fn judging(self, fields: &'static [&'static str]) -> Self {
        Self { judged: fields, ..self }
    }

    /// Name of the relation in filters and in `expand`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Column that holds the id of the related record.
    #[must_use]
    pub const fn column(&self) -> &'static str {
        self.column
    }

    /// Fields that are validated together with the related record.
    #[must_use]
    pub const fn judged(&self) -> &'static [&'static str] {
        self.judged
    }

    /// Resource name of the related record in permissions.
    #[must_use]
    pub const fn resource(&self) -> &'static str {
        self.access.name
    }

    /// Table of the related records.
    #[must_use]
    pub const fn plural(&self) -> &'static str {
        self.access.table
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

/// Fetches the readable related records with these ids in one statement, without hidden fields.
async fn fetch<T: Resource>(tx: &mut TenantTx, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Json>> {
    let Some(reach) = tx.scope().reading(&T::ACCESS) else { return Ok(HashMap::new()) };
    let hidden = tx.scope().hidden_of(T::NAME);
    let text = format!(
        "select {KEPT}, {} from app.{} related where account_id = $1 and id = any ($2) and deleted_at is null{reach}",
        names::<T>(),
        T::TABLE
    );
    let records: Vec<Record<T>> = tx.generated(text).bind(ids).all().await?;
    Ok(records.iter().filter_map(|record| Some((record.id.into(), shown(record, &hidden)?))).collect())
}

fn shown<T: Resource>(record: &Record<T>, hidden: &HiddenFields) -> Option<Json> {
    let mut json = serde_json::to_value(record).ok()?;
    hidden.mask(&mut json);
    Some(json)
}
