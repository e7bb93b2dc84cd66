//! Topology: one topic exchange for all events, and per consumer a queue and a dead-letter queue.

use lapin::{
    Channel, ErrorKind, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable, ShortString},
};

use super::BrokerError;
use crate::Consumer;

/// Topic exchange of all events.
pub(super) const EVENTS: &str = "nexo.events";
/// Dead-letter exchange of the consumers' queues.
pub(super) const DEAD: &str = "nexo.dead";
/// Maximum number of redeliveries of a message whose consumer dies.
const DELIVERIES: i32 = 20;

pub(super) fn queue(consumer: &str) -> ShortString {
    format!("nexo.{consumer}").into()
}

pub(super) fn dead_letter_queue(consumer: &str) -> ShortString {
    format!("nexo.{consumer}.parked").into()
}

/// Declares the exchanges and the queues of these consumers; idempotent.
pub(super) async fn declare<'c>(
    channel: &Channel,
    consumers: impl Iterator<Item = &'c dyn Consumer>,
) -> Result<(), BrokerError> {
    for (name, kind) in [(EVENTS, ExchangeKind::Topic), (DEAD, ExchangeKind::Direct)] {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let declared = channel.exchange_declare(name.into(), kind, options, FieldTable::default()).await;
        declared.map_err(|error| mismatch(name, error))?;
    }
    for consumer in consumers {
        queues(channel, consumer).await?;
    }
    Ok(())
}

async fn queues(channel: &Channel, consumer: &dyn Consumer) -> Result<(), BrokerError> {
    let (queue, parked) = (queue(consumer.name()), dead_letter_queue(consumer.name()));
    quorum(channel, &parked, vec![]).await?;
    bind(channel, &parked, DEAD, parked.as_str()).await?;
    let arguments = vec![
        ("x-delivery-limit", AMQPValue::LongInt(DELIVERIES)),
        ("x-dead-letter-exchange", text(DEAD)),
        ("x-dead-letter-routing-key", text(parked.as_str())),
        // A single active consumer among replicas: two would break the order of a record's events.
        ("x-single-active-consumer", AMQPValue::Boolean(true)),
    ];
    quorum(channel, &queue, arguments).await?;
    for topic in consumer.topics() {
        bind(channel, &queue, EVENTS, topic).await?;
    }
    Ok(())
}

async fn quorum(
    channel: &Channel,
    queue: &ShortString,
    more: Vec<(&str, AMQPValue)>,
) -> Result<(), BrokerError> {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    for (name, value) in more {
        arguments.insert(name.into(), value);
    }
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let declared = channel.queue_declare(queue.clone(), options, arguments).await;
    declared.map(drop).map_err(|error| mismatch(queue.as_str(), error))
}

async fn bind(channel: &Channel, queue: &ShortString, exchange: &str, key: &str) -> Result<(), BrokerError> {
    let options = QueueBindOptions::default();
    let bound =
        channel.queue_bind(queue.clone(), exchange.into(), key.into(), options, FieldTable::default());
    Ok(bound.await?)
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// Detects a redeclaration with other arguments, which AMQP 0-9-1 answers with 406.
fn mismatch(name: &str, error: lapin::Error) -> BrokerError {
    let differs = AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED);
    match error.kind() {
        ErrorKind::ProtocolError(said) if *said.kind() == differs => {
            BrokerError::Mismatch(name.to_owned(), error)
        }
        _ => error.into(),
    }
}
