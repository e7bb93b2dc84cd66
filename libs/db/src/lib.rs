//! The database, reachable only on behalf of somebody.
//!
//! A service never holds a pool: it holds a [`Db`], and gets rows from it by showing a verified
//! [`Principal`](identity::Principal). Pool and connections are private to this crate.
//!
//! A statement on a tenant's table is a `const` that does not compile unless it speaks of one account:
//!
//! ```
//! const OPEN: db::Scoped = db::Scoped::new("select id from app.clients where account_id = $1 and status = 'lead'");
//! # let _ = OPEN;
//! ```
//! ```compile_fail
//! const OPEN: db::Scoped = db::Scoped::new("select id from app.clients where status = 'lead'");
//! # let _ = OPEN;
//! ```
//!
//! and a statement that writes cannot pass for one that reads, so that no change goes without its history:
//!
//! ```
//! const CLOSE: db::ScopedWrite = db::ScopedWrite::new("update app.clients set status = 'inactive' where account_id = $1 returning *");
//! # let _ = CLOSE;
//! ```
//! ```compile_fail
//! const CLOSE: db::Scoped = db::Scoped::new("update app.clients set status = 'inactive' where account_id = $1 returning *");
//! # let _ = CLOSE;
//! ```
//!
//! One that ends sessions returns which, so that the edge is told of them:
//!
//! ```
//! const END: db::Ending = db::Ending::new("update app.sessions set revoked_at = now() where account_id = $1 returning id, epoch, revoked_at");
//! # let _ = END;
//! ```
//! ```compile_fail
//! const END: db::ScopedWrite = db::ScopedWrite::new("update app.sessions set revoked_at = now() where account_id = $1");
//! # let _ = END;
//! ```
//!
//! A transaction asks for a principal, which only a token verifier makes:
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
//! and it lends its connection to nobody:
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

mod change;
mod config;
mod ending;
mod error;
mod isolation;
mod keep;
mod list;
mod open_tx;
mod outbox;
mod pool;
mod reach;
mod record;
mod refusal;
mod resource;
mod roles;
mod schema;
mod share;
mod statement;
mod subjects;
mod system;
mod trace;
mod tx;
mod visible;
mod wake;
mod within;

pub use change::{ACTIONS, Change, Entry, OPERATOR, keep_as_operator};
pub use config::{Config, partitions_ahead};
pub use ending::{EndSessions, Ending};
pub use error::{Error, Result};
pub use isolation::{IsolationError, OLDEST_SERVERS, server_problem};
pub use keep::{
    Answer, Changed, KeyPart, New, Purpose, Removed, Restored, Written, all_found, change, find,
    find_in_trash, find_to_restore, history, insert, lock_all, matching, purge, purge_about, remember,
    remember_of, remove, replay, replay_of, restore, touch, write_each,
};
pub use list::{
    Asked, Dress, MOST_SELECTED, Pager, Paging, Query, Related, Selection, SelectionRefusal, Shape, Sought,
    list,
};
pub use migrate::{Breach, verify_isolation};
pub use outbox::{Backlog, Claim, Outbox, Pending, Waiting};
pub use pool::OpenError;
pub use reach::{Beyond, BeyondReach, Hidden, View, beyond, reads_all};
pub use record::{History, Kept, Page, PageInfo, Record};
pub use refusal::{Refusal, Sort};
pub use resource::{Field, Kind, Resource, Row};
pub use roles::{Passwords, TEMPLATE, admit_services, grant_reader, prepare as prepare_cluster};
pub use schema::PatchOf;
pub use share::FilePlace;
pub use statement::{LookUp, Scoped, ScopedWrite, Sql, Write};
pub use subjects::SubjectKind;
pub use system::{Reason, SystemTx};
pub use tx::{Db, TenantTx};
pub use visible::{Visible, dressed, visible, visible_each};
pub use wake::Wake;
pub use within::{Condition, Within};
