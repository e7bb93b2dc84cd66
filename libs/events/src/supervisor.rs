use std::{sync::Arc, time::Duration};

use db::Db;
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    Consumer, FailureCounter,
    amqp::{Broker, Worker},
    backlog::watch,
    relay::Relay,
};

/// Time to finish the current batch at shutdown.
const DRAIN: Duration = Duration::from_secs(10);

/// The relay and the consumers of a process. Dropping it aborts them, which loses no events.
#[derive(Debug, Default)]
pub struct EventSystem {
    tasks: JoinSet<()>,
    stop: CancellationToken,
    troubles: FailureCounter,
}

impl EventSystem {
    pub(crate) fn relay(&mut self, relay: Relay) {
        self.tasks.spawn(watch(relay.backlog(), self.stop.clone()));
        self.tasks.spawn(relay.run(self.stop.clone()));
    }

    pub(crate) fn consume(
        &mut self,
        broker: &Broker,
        db: &Db,
        consumer: Arc<dyn Consumer>,
        troubles: &FailureCounter,
    ) {
        let part = troubles.component(consumer.name());
        let (broker, db, stop) = (broker.clone(), db.clone(), self.stop.clone());
        self.tasks.spawn(Worker { broker, db, consumer, part, stop }.run());
    }

    pub(crate) fn watched(self, troubles: FailureCounter) -> Self {
        Self { troubles, ..self }
    }

    /// Counter of failing components.
    #[must_use]
    pub fn troubles(&self) -> &FailureCounter {
        &self.troubles
    }

    /// Stops gracefully: finishes what is in progress.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let _ = timeout(DRAIN, async { while self.tasks.join_next().await.is_some() {} }).await;
    }
}
