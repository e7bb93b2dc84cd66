use std::sync::Arc;

use db::{Db, Outbox, Wake};
use kernel::Env;
use lapin::uri::AMQPUri;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    Consumer, Running, Troubles,
    amqp::{Broker, Publisher},
    relay::{Bus, Relay},
    within::Within,
};

/// How events get about.
#[derive(Debug)]
pub struct Config {
    /// RabbitMQ; without it, events stay in the process.
    broker: Option<SecretString>,
    /// The outbox, where this process may run the relay.
    outbox: Option<Outbox>,
}

impl Config {
    /// Reads `AMQP_URL` and `RELAY_DATABASE_URL`.
    pub fn read(env: &mut Env) -> Self {
        let broker = env.secret("AMQP_URL");
        let wrong = |url: &SecretString| url.expose_secret().parse::<AMQPUri>().is_err();
        if broker.as_ref().is_some_and(wrong) {
            env.mistake(
                "AMQP_URL",
                "is not an address of RabbitMQ (amqp://user:password@host:5672/%2f, or amqps://…)",
            );
        }
        Self { broker, outbox: Outbox::read(env) }
    }

    /// Whether events go from process to process.
    #[must_use]
    pub fn has_broker(&self) -> bool {
        self.broker.is_some()
    }

    /// Starts the relay, if this process may run it, and the consumers. `wake` is told by the databases that events are
    /// written to here.
    #[must_use]
    pub fn start(self, db: &Db, wake: Wake, consumers: Vec<Arc<dyn Consumer>>) -> Running {
        let mut running = Running::default();
        let troubles = Troubles::default();
        let bus = if let Some(address) = self.broker {
            let broker = Broker::new(address);
            for consumer in &consumers {
                running.consume(&broker, db, Arc::clone(consumer), &troubles);
            }
            Some(Bus::Broker(Box::new(Publisher::new(broker, consumers.into()))))
        } else if consumers.is_empty() {
            None // who would take events away without a consumer would lose them to those of other processes
        } else {
            Some(Bus::Within(Within { db: db.clone(), consumers: consumers.into() }))
        };
        match (self.outbox, bus) {
            (Some(outbox), Some(bus)) => running.relay(Relay::new(outbox, bus, wake, troubles.of("relay"))),
            (None, Some(Bus::Within(_))) => {
                tracing::warn!("neither RELAY_DATABASE_URL nor AMQP_URL is set: events wait in the outbox");
            }
            _ => tracing::info!("another process takes events out of the outbox"),
        }
        running.watched(troubles)
    }
}
