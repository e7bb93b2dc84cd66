//! A client of PostgreSQL's protocol that sends several statements in one round trip.
//!
//! A [`Batch`] is a sequence of statements, each bound and executed by messages of its own, before a single Sync
//! (PostgreSQL manual, 55.2.4 *Pipelining*). PostgreSQL skips everything after a failed statement up to the Sync. Outside
//! of an explicit transaction, all statements of a batch are one transaction, which the Sync commits.
//!
//! A [`Connection`] is usable only while no answer is outstanding. If the future of [`Batch::send`] is dropped, the
//! connection remains [`busy`](Connection::is_busy) and must be closed: the next reader would get the rows of the
//! cancelled batch. A batch is never sent twice.
//!
//! The types:
//!
//! * [`Config`] says where the server is and how to authenticate;
//! * [`Connection`] has prepared statements and sends batches;
//! * [`Answers`] holds the rows, which are read in place as [`Row`]s of raw values.
//!
//! ```
//! # async fn read(mut connection: pg_client::Connection) -> Result<(), pg_client::Error> {
//! use pg_client::Statement;
//!
//! let mut batch = connection.batch();
//! batch.add(&Statement::new("select set_config('statement_timeout', '100', true)"))?;
//! batch.add(&Statement::new("select 'one', 2"))?;
//! let answers = batch.send().await?;
//! assert!(answers.error().is_none());
//! let mut rows = answers.rows(1);
//! let row = rows.next().expect("one row");
//! assert_eq!(row.value(0), Some(&b"one"[..]));
//! # Ok(())
//! # }
//! ```

mod answers;
mod batch;
mod config;
mod connect;
mod connection;
mod error;
mod exchange;
mod messages;
mod owned_row;
mod row;
mod stream;
mod tls;

pub use answers::{Answers, Rows, TransactionStatus};
pub use batch::{Batch, Statement};
pub use config::{Config, Host, SslMode, TlsFile};
pub use connection::Connection;
pub use error::{Error, ServerError};
pub use owned_row::{OwnedRow, Values};
pub use row::{Column, Oid, Row};
