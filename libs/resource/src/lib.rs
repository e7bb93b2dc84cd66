//! The engine of records: what a type of record is, how it is stored, listed and served.
//!
//! A [`Resource`] is a struct with a table of columns and rules. The engine makes everything else of it: statements that
//! stay in the caller's account and access scope ([`insert`], [`find`], [`update`], [`write_each`]), lists with filters,
//! sort orders and cursors ([`Query`], [`list`]), and the HTTP operations with their part of the API document ([`crud`]).
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

mod handle;
mod http;
mod model;
mod query;
mod store;
mod visible;

pub use self::http::{
    CreatedRecord, Export, Format, ListResponse, PageSource, Versioned, crud, crud_without_bulk,
    crud_without_restore, document as describe, ensure_unchanged, escape_csv_formula, read_only,
};
pub use handle::{
    FieldInfo, KeptReason, KeyMatches, ReadyRow, ResourceHandle, RowAction, RowOutcome, UndoItem, Undone,
    WrittenRow,
};
pub use model::{
    Field, History, HistoryEntry, Kind, Page, PageInfo, PatchOf, Record, RecordMetadata, Related, Resource,
    merge_patch_schema, patch_schema, permissions_schema, texts_schema,
};
pub use query::{
    FieldsParams, ListParams, MAX_SELECTED, PageParams, Pager, Projection, Query, SearchRequest, Selection,
    SelectionRefusal, filter_schema, list,
};
pub use store::{
    AboutTable, BulkWrite, Insert, KeyPart, Purpose, Restore, SoftDelete, Update, all_exist, bump_version,
    find, find_by_key, find_in_trash, find_to_restore, history, insert, lock_all, purge, purge_about,
    restore, soft_delete, update, write_each,
};
pub use visible::{Visible, projected, visible, visible_each};
