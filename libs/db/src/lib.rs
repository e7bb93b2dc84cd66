//! Database access, only on behalf of an authenticated principal.
//!
//! A service never holds a connection pool. It holds a [`Db`], and begins transactions with a verified
//! [`Principal`](identity::Principal). Pool and connections are private to this crate.
//!
//! A statement on a tenant's table is a `const` that does not compile unless it is limited to one account:
//!
//! ```
//! const OPEN: db::TenantQuery =
//!     db::TenantQuery::new("select id from app.clients where account_id = $1 and status = 'lead'");
//! # let _ = OPEN;
//! ```
//! ```compile_fail
//! const OPEN: db::TenantQuery = db::TenantQuery::new("select id from app.clients where status = 'lead'");
//! # let _ = OPEN;
//! ```
//!
//! A statement that writes cannot be used as one that reads, so that no change lacks its audit entry:
//!
//! ```
//! const CLOSE: db::TenantCommand =
//!     db::TenantCommand::new("update app.clients set status = 'inactive' where account_id = $1 returning *");
//! # let _ = CLOSE;
//! ```
//! ```compile_fail
//! const CLOSE: db::TenantQuery =
//!     db::TenantQuery::new("update app.clients set status = 'inactive' where account_id = $1 returning *");
//! # let _ = CLOSE;
//! ```
//!
//! A statement that ends sessions must return them, so that the gateway is notified of the revocation:
//!
//! ```
//! const END: db::SessionRevocation =
//!     db::SessionRevocation::new("update app.sessions set revoked_at = now() where account_id = $1 \
//!         returning id, epoch, revoked_at");
//! # let _ = END;
//! ```
//! ```compile_fail
//! const END: db::TenantCommand =
//!     db::TenantCommand::new("update app.sessions set revoked_at = now() where account_id = $1");
//! # let _ = END;
//! ```
//!
//! A transaction requires a principal, which only a token verifier can create:
//!
//! ```
//! async fn rows(db: &db::Db, who: &identity::Principal) -> db::Result<()> {
//!     db.begin(who).await?.commit().await
//! }
//! ```
//! ```compile_fail
//! async fn rows(db: &db::Db, account: kernel::AccountId) -> db::Result<()> {
//!     db.begin(account).await?.commit().await
//! }
//! ```
//! ```compile_fail
//! fn forge(verified: identity::Principal) -> identity::Principal {
//!     identity::Principal { request: uuid::Uuid::nil(), ..verified }
//! }
//! ```
//!
//! A transaction does not expose its connection:
//!
//! ```compile_fail
//! async fn borrow(mut tx: db::TenantTx) {
//!     sqlx::query("select 1").execute(&mut *tx.conn).await.unwrap();
//! }
//! ```
//! ```compile_fail
//! async fn borrow(db: &db::Db) {
//!     db.pool.get().await.unwrap();
//! }
//! ```

mod access;
mod change;
mod config;
mod crud;
mod error;
mod isolation;
mod list;
mod open_tx;
mod outbox;
mod outbox_signal;
mod pool;
mod record;
mod refusal;
mod resource;
mod restricted;
mod roles;
mod schema;
mod session_revocation;
mod share;
mod statement;
mod subjects;
mod system;
mod trace;
mod tx;
mod visible;

pub use access::{HiddenFields, OutsideScope, ReadView, ScopeViolation, beyond, reads_all};
pub use change::{ACTIONS, Change, HistoryEntry, OPERATOR, keep_as_operator};
pub use config::{Config, partitions_ahead};
pub use crud::{
    BulkWrite, Insert, KeyPart, Purpose, Restore, SoftDelete, StoredResponse, Update, all_exist,
    bump_version, find, find_by_key, find_in_trash, find_to_restore, history, insert, lock_all, purge,
    purge_about, remember, remember_of, replay, replay_of, restore, soft_delete, update, write_each,
};
pub use error::{Error, Result};
pub use isolation::{IsolationError, OLDEST_SERVERS, server_problem};
pub use list::{
    FieldsParams, ListParams, MAX_SELECTED, PageParams, Pager, Projection, Query, Related, SearchRequest,
    Selection, SelectionRefusal, list,
};
pub use migrate::{Breach, verify_isolation};
pub use outbox::{Backlog, BacklogSize, Claim, Outbox, PendingEvent};
pub use outbox_signal::OutboxSignal;
pub use pool::OpenError;
pub use record::{History, Page, PageInfo, Record, RecordMetadata};
pub use refusal::{Refusal, RefusalKind};
pub use resource::{Bindings, Field, Kind, Resource};
pub use restricted::{RestrictedStatement, SqlCondition};
pub use roles::{Passwords, TEMPLATE, admit_services, grant_reader, prepare as prepare_cluster};
pub use schema::{
    PatchOf, filter as filter_schema, merge_patch as merge_patch_schema, patch as patch_schema,
    permissions as permissions_schema, texts as texts_schema,
};
pub use session_revocation::{RevokeSessions, SessionRevocation};
pub use share::FileSlot;
pub use statement::{LookupFunction, Sql, TenantCommand, TenantQuery, Write};
pub use subjects::SubjectKind;
pub use system::{Reason, SystemTx};
pub use tx::{Db, TenantTx};
pub use visible::{Visible, projected, visible, visible_each};
