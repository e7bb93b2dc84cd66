//! The engine of records: what a type of record is, how it is stored, listed and served.
//!
//! A [`Resource`] is a struct with a table of columns and rules. The engine folds it into a value, a [`ResourceHandle`]:
//! a [`Schema`] that describes its records, and its rules. All else asks that value: statements that stay in the caller's
//! account and access scope ([`ResourceHandle::insert`], [`ResourceHandle::find`], …), lists with filters, sort orders and
//! cursors ([`Query`]), and the HTTP operations with their part of the API document ([`crud`]).
//!
//! ```
//! use kernel::UserId;
//! use resource::{Field, Kind, Resource};
//! use serde::{Deserialize, Serialize};
//! use web::ResourceName;
//!
//! /// A label that an account puts on its boxes.
//! #[derive(Debug, Clone, Serialize, Deserialize, db::FromRow, utoipa::ToSchema, validator::Validate)]
//! struct Label {
//!     #[validate(length(min = 1, max = 40))]
//!     name: String,
//! }
//!
//! impl ResourceName for Label {
//!     const NAME: &'static str = "label";
//! }
//!
//! impl Resource for Label {
//!     const TABLE: &'static str = "labels";
//!     const FIELDS: &'static [Field<Self>] =
//!         &[Field::required("name", Kind::Text, |label, row| row.bind(&label.name))];
//!     type Refusal = std::convert::Infallible;
//! }
//!
//! # #[derive(Clone, axum::extract::FromRef)]
//! # struct App { db: db::Db, verifier: identity::Verifier }
//! fn routes() -> utoipa_axum::router::OpenApiRouter<App> {
//!     resource::crud::<Label, App>()
//! }
//! # let _ = routes;
//! ```

#![expect(
    clippy::disallowed_methods,
    reason = "the engine builds its statements from the names of tables and columns"
)]

mod description;
mod http;
mod model;
mod query;
mod rows;
mod store;
mod typed;
mod visible;

pub use self::http::{
    About, AnyRecord, Caller, CreatedRecord, Export, Format, ListResponse, PageSource, RecordId, SheetRow,
    Versioned, crud, crud_without_bulk, crud_without_restore, document as describe, escape_csv_formula,
    read_only,
};
pub use description::{FieldDescription, Limits, ListLimits, RelationDescription, ResourceDescription};
pub use model::{
    Field, FieldSchema, History, HistoryEntry, Kind, Page, PageInfo, PageOf, PatchOf, Record, RecordMetadata,
    RecordOf, Related, Resource, ResourceHandle, Schema, StoredRecord, Transitions, Values,
    merge_patch_schema, patch_schema, permissions_schema, texts_schema,
};
pub use query::{
    Aggregate, AggregateGroup, AggregateParams, Aggregates, Expanded, FieldsParams, ListParams, MAX_SELECTED,
    PageParams, Pager, Projected, Projection, Query, SearchRequest, Selection, SelectionRefusal,
    filter_schema,
};
pub use rows::{KeptReason, ReadyRow, RowAction, RowOutcome, UndoItem, Undone, WrittenRow};
pub use store::{
    AboutTable, BulkWrite, Insert, KeyMatches, KeyPart, Purpose, Restore, SoftDelete, Update, all_exist,
    purge_about,
};
pub use typed::{
    bump_version, ensure_unchanged, find, find_to_restore, insert, restore, soft_delete, update, visible,
};
pub use visible::Visible;
