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
//! The engine of `libs/resource` builds its statements from the names of tables and columns. It prepares them by
//! [`TenantTx::generated`], which a lint bans everywhere else.
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

extern crate self as db;

mod access;
mod audit;
mod bindings;
mod config;
mod context;
mod error;
mod handle;
mod isolation;
mod listeners;
mod outbox;
mod outbox_signal;
mod pool;
mod refusal;
mod roles;
mod row;
mod share;
mod statement;
mod trace;
mod tx;

pub use access::{AccessScope, AccessTarget, HiddenFields, ME, OutsideScope, ReadScope, ReadView};
pub use audit::{ACTIONS, Change, OPERATOR, keep_as_operator};
pub use bindings::Bindings;
pub use config::{Config, partitions_ahead};
pub use error::{Error, Result, SqlError};
pub use handle::Db;
pub use isolation::{IsolationError, OLDEST_SERVERS, server_problem};
pub use migrate::{Breach, verify_isolation};
pub use outbox::{Backlog, BacklogSize, Claim, Outbox, PendingEvent};
pub use outbox_signal::OutboxSignal;
pub use pool::OpenError;
pub use refusal::{Refusal, RefusalKind};
pub use roles::{Passwords, TEMPLATE, admit_services, grant_reader, prepare as prepare_cluster};
#[doc(hidden)]
pub use row::read_word;
pub use row::{ColumnValue, FromRow, FromSql, Oid, OwnedRow, Row, RowError};
pub use share::FileSlot;
pub use sqlx::types::Json;
pub use statement::{LookupFunction, RestrictedStatement, SessionRevocation, TenantCommand, TenantQuery};
pub use tx::{
    Reason, RevokeSessions, Savepoint, ScopeViolation, Sql, SqlCondition, StoredResponse, SystemTx, TenantTx,
};
