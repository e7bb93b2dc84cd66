//! Events: from the outbox of each account to whoever works on them.
//!
//! Every change writes its event in its own transaction (`libs/db`). The relay takes events out of the outbox, tells them,
//! and removes them once they were taken: at least once, and for each record in the order of its versions. Whoever works on
//! them notes each one together with what it did: so everything is done once.
//!
//! With `AMQP_URL` they travel through RabbitMQ, and without it within the process. Neither makes a difference to a
//! [`Consumer`].

mod amqp;
mod backlog;
mod config;
mod consumer;
mod event;
mod once;
mod relay;
mod running;
mod trace;
mod trouble;
mod within;

pub use config::Config;
pub use consumer::{Consumer, Failure};
pub use event::{CONTENT_TYPE, Event, EventError};
pub use running::Running;
pub use trouble::Troubles;
