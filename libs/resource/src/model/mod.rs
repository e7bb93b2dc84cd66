//! What a resource is: its names, columns, relations and rules.

mod column;
mod facts;
mod field;
mod handle;
mod history;
mod openapi;
mod page;
mod record;
mod rules;
mod schema;
mod values;

use db::{AccessTarget, FromRow, Refusal, TenantTx};
use kernel::{Id, UserId};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;
use validator::Validate;
use web::ResourceName;

pub(crate) use column::{COMMON, KEPT};
pub(crate) use facts::facts;
pub use field::{Field, FieldSchema, Kind, Transitions};
pub use handle::ResourceHandle;
pub use history::{History, HistoryEntry};
pub use openapi::{
    PageOf, PatchOf, RecordOf, merge_patch as merge_patch_schema, patch as patch_schema,
    permissions as permissions_schema, texts as texts_schema,
};
pub(crate) use openapi::{free_object, nullable_merge_patch};
pub use page::{Page, PageInfo};
pub(crate) use record::to_json;
pub use record::{Record, RecordMetadata, StoredRecord};
pub use schema::{Related, Schema};
pub use values::Values;

/// A type of record that accounts store: one struct, one table, one module.
pub trait Resource:
    ResourceName
    + Serialize
    + DeserializeOwned
    + Validate
    + ToSchema
    + Clone
    + FromRow
    + Send
    + Sync
    + Unpin
    + 'static
{
    /// Name of the table in schema `app`.
    const TABLE: &'static str;
    /// Path under `/api/v1`, and tag in the API document; words are joined by hyphens.
    const PATH: &'static str = Self::TABLE;
    /// First part of its event topics, as in `crm.supplier.changed`.
    const EVENT_PREFIX: &'static str = "crm";
    /// Column with the member who owns a record; by default its creator.
    const OWNER: &'static str = "created_by";
    /// Fields that `q=` searches, as passed to `ops.make_searchable`; empty if the table is not searchable.
    const SEARCH_FIELDS: &'static [&'static str] = &[];
    /// Relations to other records, for conditions such as `client.status[eq]:"active"` and for `expand`. New
    /// references must point to live records that the writer may read; otherwise the write fails like a violation
    /// of `fk_<table>_<name>`.
    const RELATIONS: &'static [Related] = &[];
    /// Kinds of subjects, by the columns `subject_type` and `subject_id`. A record is in scope only if its subject
    /// may be read. Empty for resources without a subject.
    const SUBJECTS: &'static [AccessTarget] = &[];
    /// What access control has to know of the resource; not to be overridden.
    const ACCESS: AccessTarget =
        AccessTarget { name: Self::NAME, table: Self::TABLE, owner: Self::OWNER, subjects: Self::SUBJECTS };
    /// Writable columns: stored, and available to filters and sort orders of lists.
    const FIELDS: &'static [Field<Self>];
    /// Domain rules that can refuse a write; [`Infallible`](std::convert::Infallible) if there are none.
    type Refusal: Refusal;

    /// Sets `person` as the owner of a new record without one, if the writer's scope is limited to own records.
    fn set_default_owner(&mut self, _person: UserId) {}

    /// Validates the transition from `before` (`None` for a new record) to `after`. Pure, so that tests need no
    /// database.
    fn check(_before: Option<&Self>, _after: &Self) -> Result<(), Self::Refusal> {
        Ok(())
    }

    /// Validates references that no constraint can check, with one query for the whole batch.
    fn validate_references(
        _tx: &mut TenantTx,
        _all: &[&Self],
    ) -> impl Future<Output = db::Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// Purges dependents of a record, such as notes about it, before the record itself. Records that refer to it
    /// by a foreign key are no dependents, and prevent the purge.
    fn purge_dependents(_tx: &mut TenantTx, _id: Id<Self>) -> impl Future<Output = db::Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// Locks what the batch needs in a fixed order, so that batches cannot deadlock. Needed only where triggers
    /// lock row by row.
    fn lock_for_write(_tx: &mut TenantTx, _all: &[&Self]) -> impl Future<Output = db::Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// Maps a violated constraint, by its name, to a refusal of this resource.
    fn constraint(_name: &str) -> Option<Self::Refusal> {
        None
    }
}
