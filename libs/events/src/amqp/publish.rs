//! Publishing: sends events from the relay to the exchange.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use kernel::AccountId;
use lapin::{
    BasicProperties, Channel, Connection,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use tokio::time::timeout;
use uuid::Uuid;

use super::{Broker, BrokerError, topology, within};
use crate::{Consumer, Event, event::CONTENT_TYPE};

/// Timeout for a batch, shorter than the time a relay may hold an account.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);
/// Delivery mode of messages that survive a broker restart.
const PERSISTENT: u8 = 2;

/// A publishing connection, opened on demand and again after every failure.
pub(crate) struct Publisher {
    broker: Broker,
    /// Consumers of this process. Their queues are declared before the first event is sent: without a queue it
    /// would be lost.
    consumers: Arc<[Arc<dyn Consumer>]>,
    open: Option<(Connection, Channel)>,
}

/// Events of a batch that the broker has confirmed, and the reason why others were not.
pub(crate) struct Published {
    pub(crate) out: Vec<(AccountId, Uuid)>,
    pub(crate) problem: Option<BrokerError>,
}

impl Publisher {
    pub(crate) fn new(broker: Broker, consumers: Arc<[Arc<dyn Consumer>]>) -> Self {
        Self { broker, consumers, open: None }
    }

    /// Publishes all events, and then waits for all publisher confirms together.
    pub(crate) async fn publish(&mut self, events: &[Event]) -> Published {
        let open = match self.open.take() {
            Some(open) => open,
            None => match within(self.connect()).await {
                Ok(open) => open,
                Err(problem) => return Published { out: Vec::new(), problem: Some(problem) },
            },
        };
        let mut published = Published { out: Vec::with_capacity(events.len()), problem: None };
        match timeout(CONFIRM_TIMEOUT, send(&open.1, events)).await {
            Ok(answers) => {
                for answer in answers {
                    match answer {
                        Ok(event) => published.out.push(event),
                        Err(problem) => published.problem = Some(problem),
                    }
                }
            }
            Err(late) => published.problem = Some(late.into()),
        }
        if published.problem.is_none() {
            self.open = Some(open);
        }
        published
    }

    async fn connect(&self) -> Result<(Connection, Channel), BrokerError> {
        let connection = self.broker.connect("nexo relay".to_owned()).await?;
        let channel = connection.create_channel().await?;
        topology::declare(&channel, self.consumers.iter().map(|consumer| &**consumer)).await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok((connection, channel))
    }
}

async fn send(channel: &Channel, events: &[Event]) -> Vec<Result<(AccountId, Uuid), BrokerError>> {
    let mut sent = Vec::with_capacity(events.len());
    for event in events {
        match start(channel, event).await {
            Ok(confirm) => sent.push(async move {
                if confirm.await?.is_ack() {
                    Ok((event.account, event.id))
                } else {
                    Err(BrokerError::Refused)
                }
            }),
            Err(problem) => {
                let mut answers = join_all(sent).await;
                answers.push(Err(problem));
                return answers; // nothing after a failure: events of a record must stay in order
            }
        }
    }
    join_all(sent).await
}

async fn start(channel: &Channel, event: &Event) -> Result<lapin::PublisherConfirm, BrokerError> {
    let body = event.write().unwrap_or_default(); // it was parsed from JSON
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type(CONTENT_TYPE.into())
        .with_message_id(event.id.to_string().into())
        .with_type(event.topic.as_str().into());
    let (exchange, key) = (topology::EVENTS.into(), event.topic.as_str().into());
    Ok(channel.basic_publish(exchange, key, BasicPublishOptions::default(), &body, properties).await?)
}
