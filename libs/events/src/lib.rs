//! Events: delivery from each account's outbox to consumers, through RabbitMQ (`AMQP_URL`) or within the process.
//!
//! Every change writes its event in its own transaction (`libs/db`). The relay publishes it, then deletes it from
//! the outbox: at-least-once, in version order per record. Consumers commit a mark with their effects: exactly-once.
//!
//! * [`Consumer`] handles events of its topics, each in a transaction of the account where it happened.
//! * [`Event`] is a change of a record, as an event of `CloudEvents`.
//! * [`EventSystem`] is the running relay and consumers; [`Config::start`] starts it.
//!
//! ```
//! use events::{Consumer, Event, Failure};
//!
//! struct Greeter;
//! const GREET: db::TenantCommand =
//!     db::TenantCommand::new("insert into app.greetings (account_id, event_id) values ($1, $2)");
//! #[async_trait::async_trait]
//! impl Consumer for Greeter {
//!     fn name(&self) -> &'static str { "greeter" }
//!     fn topics(&self) -> &'static [&'static str] { &["crm.client.created"] }
//!     async fn handle(&self, tx: &mut db::TenantTx, event: &Event) -> Result<(), Failure> {
//!         tx.execute_untracked::<()>(GREET).bind(event.id).run().await.map_err(db::Error::from)?;
//!         Ok(())
//!     }
//! }
//! ```

mod amqp;
mod backlog;
mod config;
mod consumer;
mod event;
mod exactly_once;
mod failures;
mod in_process;
mod relay;
mod supervisor;
mod trace;

pub use config::Config;
pub use consumer::{Consumer, Failure};
pub use event::{CONTENT_TYPE, Event, EventError};
pub use failures::FailureCounter;
pub use supervisor::EventSystem;
