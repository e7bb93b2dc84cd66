//! Consumption: delivers messages of a queue to its consumer.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use db::Db;
use futures::StreamExt as _;
use lapin::{
    BasicProperties, Channel,
    message::Delivery,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    },
    types::{AMQPValue, FieldTable},
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Broker, BrokerError, topology, within};
use crate::{
    Consumer, Event,
    exactly_once::{DeliveryOutcome, work},
    failures::Component,
    trace::System,
};

/// Maximum number of unacknowledged messages in the process.
const PREFETCH: u16 = 200;
/// Number of records that are processed concurrently.
const LANES: usize = 4;
/// Time to finish running handlers at shutdown.
const DRAIN: Duration = Duration::from_secs(5);
/// Minimum and maximum delay between reconnects.
const RECONNECT_DELAYS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A consumer with its connection settings and dependencies.
pub(crate) struct Worker {
    pub(crate) broker: Broker,
    pub(crate) db: Db,
    pub(crate) consumer: Arc<dyn Consumer>,
    pub(crate) part: Component,
    pub(crate) stop: CancellationToken,
}

impl Worker {
    /// Consumes until stopped; reconnects after failures.
    pub(crate) async fn run(mut self) {
        let mut pause = RECONNECT_DELAYS.0;
        while !self.stop.is_cancelled() {
            let ended = match within(self.open()).await {
                Ok((connection, channel)) => {
                    self.part.works();
                    pause = RECONNECT_DELAYS.0;
                    let ended = self.consume(&channel).await;
                    let _ = timeout(DRAIN, connection.close(200, "done".into())).await; // it may be closed already
                    ended
                }
                Err(error) => Err(error),
            };
            let Err(error) = ended else { continue };
            self.part.fails(&error);
            tokio::select! {
                () = sleep(kernel::jittered(pause)) => pause = (pause * 2).min(RECONNECT_DELAYS.1),
                () = self.stop.cancelled() => {}
            }
        }
    }

    async fn open(&self) -> Result<(lapin::Connection, Channel), BrokerError> {
        let connection = self.broker.connect(format!("nexo {}", self.consumer.name())).await?;
        let channel = connection.create_channel().await?;
        topology::declare(&channel, std::iter::once(&*self.consumer)).await?;
        channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok((connection, channel))
    }

    /// Distributes messages to lanes: those of one record go to the same lane, in order.
    async fn consume(&self, channel: &Channel) -> Result<(), BrokerError> {
        let (queue, tag) = (topology::queue(self.consumer.name()), "".into());
        let options = BasicConsumeOptions::default();
        let mut messages = channel.basic_consume(queue, tag, options, FieldTable::default()).await?;
        let mut running = JoinSet::new(); // aborted with the connection: uncommitted messages are redelivered
        let lanes: Vec<_> = (0..LANES).map(|_| self.lane(channel, &mut running)).collect();
        loop {
            let message = tokio::select! {
                message = messages.next() => message,
                () = self.stop.cancelled() => break,
                Some(ended) = running.join_next() => return ended.unwrap_or(Ok(())),
            };
            let Some(message) = message.transpose()? else { return Ok(()) };
            let event = Event::read(&message.data).map_err(|error| error.to_string());
            let lane = event.as_ref().map_or(0, lane_of);
            if let Some(lane) = lanes.get(lane) {
                let _ = lane.send((message, event)).await; // a closed lane is detected above
            }
        }
        drop(lanes);
        let _ = timeout(DRAIN, async { while running.join_next().await.is_some() {} }).await;
        Ok(())
    }

    fn lane(
        &self,
        channel: &Channel,
        running: &mut JoinSet<Result<(), BrokerError>>,
    ) -> mpsc::Sender<(Delivery, Result<Event, String>)> {
        let (sender, mut receiver) =
            mpsc::channel::<(Delivery, Result<Event, String>)>(usize::from(PREFETCH));
        let (db, consumer) = (self.db.clone(), Arc::clone(&self.consumer));
        let (channel, stop) = (channel.clone(), self.stop.clone());
        running.spawn(async move {
            while let Some((message, event)) = receiver.recv().await {
                if stop.is_cancelled() {
                    break; // unprocessed messages are redelivered
                }
                let outcome = match event {
                    Ok(event) => work(&db, &*consumer, &event, System::RabbitMq).await,
                    Err(reason) => DeliveryOutcome::Parked(reason), // not counted in metrics, but logged as an error
                };
                if let DeliveryOutcome::Parked(reason) = outcome {
                    dead_letter(&channel, consumer.name(), &message, &reason).await?;
                }
                message.ack(BasicAckOptions::default()).await?;
            }
            Ok(())
        });
        sender
    }
}

fn lane_of(event: &Event) -> usize {
    let mut hasher = DefaultHasher::new();
    (event.account, &event.subject).hash(&mut hasher);
    usize::try_from(hasher.finish() % LANES as u64).unwrap_or_default()
}

/// Publishes a message to the dead-letter queue with the reason, before it is acknowledged.
async fn dead_letter(
    channel: &Channel,
    consumer: &'static str,
    message: &Delivery,
    reason: &str,
) -> Result<(), BrokerError> {
    let id = message.properties.message_id().as_ref().map(ToString::to_string);
    tracing::error!(consumer, event.id = id, reason, "an event was parked");
    let mut headers = message.properties.headers().clone().unwrap_or_default();
    for (name, value) in
        [("nexo-reason", reason), ("nexo-consumer", consumer), ("nexo-topic", message.routing_key.as_str())]
    {
        headers.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    let properties: BasicProperties = message.properties.clone().with_headers(headers);
    let (exchange, key) = (topology::DEAD.into(), topology::dead_letter_queue(consumer));
    let options = BasicPublishOptions::default();
    let confirm = channel.basic_publish(exchange, key, options, &message.data, properties).await?;
    if confirm.await?.is_ack() { Ok(()) } else { Err(BrokerError::Refused) }
}
