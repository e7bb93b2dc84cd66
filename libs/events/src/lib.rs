//! Events: delivery from each account's outbox to consumers.
//!
//! Every change writes its event in its own transaction (`libs/db`). The relay publishes events and then deletes
//! them from the outbox: at-least-once, and in version order per record. Consumers commit a mark together with
//! their effects, which makes processing exactly-once.
//!
//! With `AMQP_URL` events are delivered through RabbitMQ, without it within the process. A [`Consumer`] works with
//! either.

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
