use std::sync::Arc;

use db::{Db, Outbox, OutboxSignal};
use kernel::Env;
use lapin::uri::AMQPUri;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    Consumer, EventSystem, FailureCounter,
    amqp::{Broker, Publisher},
    in_process::InProcessBus,
    relay::{Bus, Relay},
};

/// Settings of event delivery.
#[derive(Debug)]
pub struct Config {
    /// RabbitMQ URL; without it, events are delivered within the process.
    broker: Option<SecretString>,
    /// Outbox, if this process may run the relay.
    outbox: Option<Outbox>,
}

impl Config {
    /// Reads `AMQP_URL` and `RELAY_DATABASE_URL`.
    pub fn read(env: &mut Env) -> Self {
        let broker = env.secret("AMQP_URL");
        let wrong = |url: &SecretString| url.expose_secret().parse::<AMQPUri>().is_err();
        if broker.as_ref().is_some_and(wrong) {
            env.report(
                "AMQP_URL",
                "is not an address of RabbitMQ (amqp://user:password@host:5672/%2f, or amqps://…)",
            );
        }
        Self { broker, outbox: Outbox::read(env) }
    }

    /// Whether a broker is configured.
    #[must_use]
    pub fn has_broker(&self) -> bool {
        self.broker.is_some()
    }

    /// Starts the consumers, and the relay if this process may run it. `wake` is notified by the databases of this
    /// process that write events.
    #[must_use]
    pub fn start(self, db: &Db, wake: OutboxSignal, consumers: Vec<Arc<dyn Consumer>>) -> EventSystem {
        let mut running = EventSystem::default();
        let troubles = FailureCounter::default();
        let bus = if let Some(address) = self.broker {
            let broker = Broker::new(address);
            for consumer in &consumers {
                running.consume(&broker, db, Arc::clone(consumer), &troubles);
            }
            Some(Bus::Broker(Box::new(Publisher::new(broker, consumers.into()))))
        } else if consumers.is_empty() {
            None // without a consumer, taking events would lose them to other processes
        } else {
            Some(Bus::Within(InProcessBus { db: db.clone(), consumers: consumers.into() }))
        };
        match (self.outbox, bus) {
            (Some(outbox), Some(bus)) => {
                running.relay(Relay::new(outbox, bus, wake, troubles.component("relay")));
            }
            (None, Some(Bus::Within(_))) => {
                tracing::warn!("neither RELAY_DATABASE_URL nor AMQP_URL is set: events wait in the outbox");
            }
            _ => tracing::info!("another process takes events out of the outbox"),
        }
        running.watched(troubles)
    }
}
