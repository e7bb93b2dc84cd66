//! The bus of a single process: events go from the outbox to their consumers, and stay in it until all have committed.

use std::{collections::HashMap, sync::Arc, time::Duration};

use db::{Db, ScopedWrite};
use futures::{StreamExt as _, stream};
use kernel::AccountId;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::{
    Consumer, Event,
    consumer::takes,
    once::{self, Outcome},
    trace::System,
};

/// How many records are worked on at the same time.
const LANES: usize = 4;
/// How long a batch may take, as the server ends an idle transaction after 15 s; what is not done then stays in the outbox.
const PATIENCE: Duration = Duration::from_secs(14);

/// The consumers of this process.
#[derive(Clone)]
pub(crate) struct Within {
    pub(crate) db: Db,
    pub(crate) consumers: Arc<[Arc<dyn Consumer>]>,
}

const PARK: ScopedWrite = ScopedWrite::new(
    "insert into app.parked_events (account_id, consumer, event_id, reason, event) values ($1, $2, $3, $4, $5)
     on conflict (account_id, consumer, event_id) do update set reason = excluded.reason, parked_at = now()",
);

impl Within {
    /// Tells the consumers; returns which events all of them are done with.
    pub(crate) async fn publish(&self, events: Vec<Event>) -> Vec<(AccountId, Uuid)> {
        let end = Instant::now() + PATIENCE;
        let mut records: HashMap<(AccountId, String), Vec<Event>> = HashMap::new();
        for event in events {
            records.entry((event.account, event.subject.clone())).or_default().push(event);
        }
        let lanes = records.into_values().map(|events| self.clone().one_by_one(events, end));
        let done: Vec<_> = stream::iter(lanes).buffer_unordered(LANES).collect().await;
        done.into_iter().flatten().collect()
    }

    /// The events of one record, up to the first that takes too long.
    async fn one_by_one(self, events: Vec<Event>, end: Instant) -> Vec<(AccountId, Uuid)> {
        let mut done = Vec::new();
        for event in events {
            if timeout_at(end, self.tell(&event)).await.is_err() {
                break;
            }
            done.push((event.account, event.id));
        }
        done
    }

    async fn tell(&self, event: &Event) {
        for consumer in self.consumers.iter() {
            let wanted = consumer.topics().iter().any(|pattern| takes(pattern, &event.topic));
            if wanted
                && let Outcome::Parked(reason) = once::work(&self.db, &**consumer, event, System::Own).await
            {
                self.park(consumer.name(), event, &reason).await;
            }
        }
    }

    /// Puts it aside, however long that takes: the caller bounds it.
    async fn park(&self, consumer: &'static str, event: &Event, reason: &str) {
        tracing::error!(consumer, event.id = %event.id, account.id = %event.account, reason, "an event was parked");
        while let Err(error) = self.try_park(consumer, event, reason).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "it is parked in a moment");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn try_park(&self, consumer: &'static str, event: &Event, reason: &str) -> db::Result<()> {
        let mut tx = once::enter(&self.db, event).await?;
        let whole = serde_json::to_value(event).unwrap_or_default(); // it was read from JSON
        let park = tx.write_unnoted::<()>(PARK).bind(consumer).bind(event.id).bind(reason).bind(whole);
        park.run().await?;
        tx.commit().await
    }
}
