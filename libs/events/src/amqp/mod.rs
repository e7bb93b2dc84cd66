//! RabbitMQ: publisher, consumers and topology.

mod consume;
mod publish;
mod topology;

use std::{sync::Arc, time::Duration};

use lapin::{Connection, ConnectionProperties};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

pub(crate) use consume::Worker;
pub(crate) use publish::{Published, Publisher};

/// Timeout for opening a connection, including its first operations.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Address of the broker; it may hold a password.
#[derive(Clone)]
pub(crate) struct Broker(Arc<SecretString>);

/// Error of an operation on the broker.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokerError {
    /// The broker reported an error, or the connection was lost.
    #[error("RabbitMQ: {0}")]
    Amqp(#[from] lapin::Error),
    /// The broker did not respond in time.
    #[error("RabbitMQ does not answer")]
    Silent(#[from] tokio::time::error::Elapsed),
    /// A queue or exchange of this name exists with other properties.
    #[error(
        "{0} is in RabbitMQ already, and of another kind than it should be: {1}. See to its messages and delete it; it is made anew"
    )]
    Mismatch(String, lapin::Error),
    /// The broker rejected a message (nack).
    #[error("RabbitMQ did not take a message")]
    Refused,
}

impl Broker {
    pub(crate) fn new(address: SecretString) -> Self {
        Self(Arc::new(address))
    }

    async fn connect(&self, name: String) -> Result<Connection, BrokerError> {
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        Ok(Connection::connect(self.0.expose_secret(), properties).await?)
    }
}

/// Applies the timeout: a killed broker may accept a connection and never respond.
async fn within<T>(opens: impl Future<Output = Result<T, BrokerError>>) -> Result<T, BrokerError> {
    timeout(CONNECT_TIMEOUT, opens).await?
}
