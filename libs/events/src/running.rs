use std::{sync::Arc, time::Duration};

use db::Db;
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    Consumer, Troubles,
    amqp::{Broker, Worker},
    backlog::watch,
    relay::Relay,
};

/// How long the batch that is on its way may take when the process ends.
const DRAIN: Duration = Duration::from_secs(10);

/// The relay and the consumers of a process. Dropped, they are broken off, which loses nothing.
#[derive(Debug, Default)]
pub struct Running {
    tasks: JoinSet<()>,
    stop: CancellationToken,
    troubles: Troubles,
}

impl Running {
    pub(crate) fn relay(&mut self, relay: Relay) {
        self.tasks.spawn(watch(relay.backlog(), self.stop.clone()));
        self.tasks.spawn(relay.run(self.stop.clone()));
    }

    pub(crate) fn consume(
        &mut self,
        broker: &Broker,
        db: &Db,
        consumer: Arc<dyn Consumer>,
        troubles: &Troubles,
    ) {
        let part = troubles.of(consumer.name());
        let (broker, db, stop) = (broker.clone(), db.clone(), self.stop.clone());
        self.tasks.spawn(Worker { broker, db, consumer, part, stop }.run());
    }

    pub(crate) fn watched(self, troubles: Troubles) -> Self {
        Self { troubles, ..self }
    }

    /// What of it does not work now.
    #[must_use]
    pub fn troubles(&self) -> &Troubles {
        &self.troubles
    }

    /// Finishes what has begun.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let _ = timeout(DRAIN, async { while self.tasks.join_next().await.is_some() {} }).await;
    }
}
