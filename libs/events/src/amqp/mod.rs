//! RabbitMQ.

mod consume;
mod publish;
mod topology;

use std::{sync::Arc, time::Duration};

use lapin::{Connection, ConnectionProperties};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

pub(crate) use consume::Worker;
pub(crate) use publish::{Published, Publisher};

/// How long a connection, and all that it begins with, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the broker is.
#[derive(Clone)]
pub(crate) struct Broker(Arc<SecretString>);

/// Why the broker could not do something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokerError {
    /// It said so, or it went away.
    #[error("RabbitMQ: {0}")]
    Amqp(#[from] lapin::Error),
    /// It says nothing.
    #[error("RabbitMQ does not answer")]
    Silent(#[from] tokio::time::error::Elapsed),
    /// There is a queue or an exchange of that name, and it is another.
    #[error(
        "{0} is in RabbitMQ already, and of another kind than it should be: {1}. See to its messages and delete it; it is made anew"
    )]
    Mismatch(String, lapin::Error),
    /// It has more to take than it can.
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

/// A broker that was killed may take a connection and never say a word.
async fn within<T>(opens: impl Future<Output = Result<T, BrokerError>>) -> Result<T, BrokerError> {
    timeout(PATIENCE, opens).await?
}
