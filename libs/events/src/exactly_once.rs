//! Exactly-once processing of an event by a consumer.

use std::{panic::AssertUnwindSafe, time::Duration};

use db::{Db, Reason, TenantCommand, TenantTx};
use futures::FutureExt as _;
use metrics::counter;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::{
    Consumer, Event, Failure,
    trace::{self, System},
};

/// Timeout of one attempt; all attempts together take less time than a relay may hold an account.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(3);
/// Delays between attempts. After the last one the event is parked.
const RETRY_DELAYS: &[Duration] =
    &[Duration::from_millis(50), Duration::from_millis(250), Duration::from_millis(1000)];
/// Maximum delay while the database is unavailable, which is not the event's fault.
const MAX_BACKOFF: Duration = Duration::from_secs(2);
/// Retention of the marks of processed events. No bus redelivers an event later than that.
const KNOWN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Outcome of processing an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DeliveryOutcome {
    /// Processed, now or by an earlier delivery.
    Done,
    /// Parked for this reason.
    Parked(String),
}

const CONSUME: TenantCommand = TenantCommand::new(
    "insert into app.consumed_events (account_id, consumer, event_id) values ($1, $2, $3) on conflict do nothing",
);
const SWEEP: TenantCommand = TenantCommand::new(
    "delete from app.consumed_events where account_id = $1 and consumer = $2 and event_id < $3",
);

/// Processes `event` until it succeeds or is parked. While the database is unavailable, it retries.
pub(crate) async fn work(db: &Db, consumer: &dyn Consumer, event: &Event, system: System) -> DeliveryOutcome {
    let span = trace::working(system, consumer.name(), event);
    let outcome = span.within(persist(db, consumer, event)).await;
    let word = if outcome == DeliveryOutcome::Done { "done" } else { "parked" };
    if outcome != DeliveryOutcome::Done {
        span.set_error(word);
    }
    counter!("nexo_events_consumed_total", "consumer" => consumer.name(), "outcome" => word).increment(1);
    outcome
}

async fn persist(db: &Db, consumer: &dyn Consumer, event: &Event) -> DeliveryOutcome {
    let (mut pauses, mut waiting) = (RETRY_DELAYS.iter(), Duration::from_millis(50));
    loop {
        let failure = match attempt(db, consumer, event).await {
            Ok(()) => return DeliveryOutcome::Done,
            Err(Failure::Poison(reason)) => return DeliveryOutcome::Parked(reason),
            // Whether a lost COMMIT has happened is known by the next attempt: it records the event as well.
            Err(Failure::Db(db::Error::Unavailable(_) | db::Error::OutcomeUnknown(_))) => {
                sleep(waiting).await;
                waiting = (waiting * 2).min(MAX_BACKOFF);
                continue;
            }
            Err(failure) => failure,
        };
        let Some(pause) = pauses.next() else { return DeliveryOutcome::Parked(in_full(&failure)) };
        sleep(kernel::jittered(*pause)).await;
    }
}

async fn attempt(db: &Db, consumer: &dyn Consumer, event: &Event) -> Result<(), Failure> {
    let tried = AssertUnwindSafe(timeout(HANDLER_TIMEOUT, once(db, consumer, event))).catch_unwind().await;
    match tried {
        Ok(Ok(done)) => done,
        Ok(Err(late)) => Err(Failure::Other(late.into())),
        Err(_) => Err(Failure::Poison("its consumer panicked".to_owned())),
    }
}

async fn once(db: &Db, consumer: &dyn Consumer, event: &Event) -> Result<(), Failure> {
    let mut tx = enter(db, event).await?;
    let consume = tx.execute_untracked::<()>(CONSUME).bind(consumer.name()).bind(event.id);
    if consume.run().await.map_err(db::Error::from)? == 0 {
        return Ok(()); // processed by an earlier delivery
    }
    if sweeps(event.id) {
        let swept = tx.execute_untracked::<()>(SWEEP).bind(consumer.name()).bind(long_before(event.id));
        swept.run().await.map_err(db::Error::from)?;
    }
    consumer.handle(&mut tx, event).await?;
    Ok(tx.commit().await?)
}

/// Begins a transaction in the account of an event, on behalf of the user who caused it.
#[expect(
    clippy::disallowed_methods,
    reason = "an event names its account; it comes from the outbox of that account"
)]
pub(crate) async fn enter(db: &Db, event: &Event) -> db::Result<TenantTx> {
    db.begin_as(Reason::Event, event.account, event.actor, event.request).await
}

/// Whether this event triggers a sweep of old marks: one in 256 does.
fn sweeps(id: Uuid) -> bool {
    id.as_bytes().last() == Some(&0)
}

/// Smallest id (UUID version 7) that could have been generated [`KNOWN`] before this one.
fn long_before(id: Uuid) -> Uuid {
    let millis = u64::try_from(id.as_u128() >> 80).unwrap_or_default();
    let known = u64::try_from(KNOWN.as_millis()).unwrap_or(u64::MAX);
    Uuid::from_u128(u128::from(millis.saturating_sub(known)) << 80)
}

/// Error message with all its causes.
fn in_full(failure: &Failure) -> String {
    let mut text = failure.to_string();
    let mut cause = std::error::Error::source(failure);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_swept_was_worked_on_a_week_before() {
        let id: Uuid = "019a0000-0000-7000-8000-000000000000".parse().unwrap();
        let week = 7 * 24 * 60 * 60 * 1000;
        assert_eq!(long_before(id).as_u128() >> 80, (id.as_u128() >> 80) - week);
        assert!(long_before(Uuid::nil()).is_nil());
    }
}
