//! In-process bus: events go from the outbox to the consumers, and stay in it until all have committed.

use std::{collections::HashMap, sync::Arc, time::Duration};

use db::{Db, TenantCommand};
use futures::{StreamExt as _, stream};
use kernel::AccountId;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::{
    Consumer, Event,
    consumer::takes,
    exactly_once::{self, DeliveryOutcome},
    trace::System,
};

/// Number of records that are processed concurrently.
const LANES: usize = 4;
/// Timeout for a batch, because the server ends an idle transaction after 15 s; unprocessed events stay in the
/// outbox.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(14);

/// The consumers of this process.
#[derive(Clone)]
pub(crate) struct InProcessBus {
    pub(crate) db: Db,
    pub(crate) consumers: Arc<[Arc<dyn Consumer>]>,
}

const PARK: TenantCommand = TenantCommand::new(
    "insert into app.parked_events (account_id, consumer, event_id, reason, event) values ($1, $2, $3, $4, $5)
     on conflict (account_id, consumer, event_id) do update set reason = excluded.reason, parked_at = now()",
);

impl InProcessBus {
    /// Delivers events to the consumers; returns those that all of them have processed.
    pub(crate) async fn publish(&self, events: Vec<Event>) -> Vec<(AccountId, Uuid)> {
        let end = Instant::now() + DELIVERY_TIMEOUT;
        let mut records: HashMap<(AccountId, String), Vec<Event>> = HashMap::new();
        for event in events {
            records.entry((event.account, event.subject.clone())).or_default().push(event);
        }
        let lanes = records.into_values().map(|events| self.clone().one_by_one(events, end));
        let done: Vec<_> = stream::iter(lanes).buffer_unordered(LANES).collect().await;
        done.into_iter().flatten().collect()
    }

    /// Delivers the events of one record in order, up to the first that times out.
    async fn one_by_one(self, events: Vec<Event>, end: Instant) -> Vec<(AccountId, Uuid)> {
        let mut done = Vec::new();
        for event in events {
            if timeout_at(end, self.deliver(&event)).await.is_err() {
                break;
            }
            done.push((event.account, event.id));
        }
        done
    }

    async fn deliver(&self, event: &Event) {
        for consumer in self.consumers.iter() {
            let wanted = consumer.topics().iter().any(|pattern| takes(pattern, &event.topic));
            if wanted
                && let DeliveryOutcome::Parked(reason) =
                    exactly_once::work(&self.db, &**consumer, event, System::Own).await
            {
                self.dead_letter(consumer.name(), event, &reason).await;
            }
        }
    }

    /// Parks the event; retries until it succeeds, within the caller's timeout.
    async fn dead_letter(&self, consumer: &'static str, event: &Event, reason: &str) {
        tracing::error!(consumer, event.id = %event.id, account.id = %event.account, reason, "an event was parked");
        while let Err(error) = self.try_dead_letter(consumer, event, reason).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "it is parked in a moment");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn try_dead_letter(&self, consumer: &'static str, event: &Event, reason: &str) -> db::Result<()> {
        let mut tx = exactly_once::enter(&self.db, event).await?;
        let whole = serde_json::to_value(event).unwrap_or_default(); // it was parsed from JSON
        let park = tx.execute_untracked::<()>(PARK).bind(consumer).bind(event.id).bind(reason).bind(whole);
        park.run().await?;
        tx.commit().await
    }
}
