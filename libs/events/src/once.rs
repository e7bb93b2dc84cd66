//! One event and one consumer: once, whatever happens in between.

use std::{panic::AssertUnwindSafe, time::Duration};

use db::{Db, Reason, ScopedWrite, TenantTx};
use futures::FutureExt as _;
use metrics::counter;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::{
    Consumer, Event, Failure,
    trace::{self, System},
};

/// How long one attempt may take: all of them together less than a relay may hold an account.
const PATIENCE: Duration = Duration::from_secs(3);
/// The pauses before an event is tried again. After the last attempt it is parked.
const PAUSES: &[Duration] =
    &[Duration::from_millis(50), Duration::from_millis(250), Duration::from_millis(1000)];
/// The longest pause while the database does not answer, which is no fault of the event's.
const LONGEST: Duration = Duration::from_secs(2);
/// For how long it is known what was worked on. No bus tells an event again so much later.
const KNOWN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How it went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was worked on, now or before.
    Done,
    /// It cannot be, for this reason.
    Parked(String),
}

const CONSUME: ScopedWrite = ScopedWrite::new(
    "insert into app.consumed_events (account_id, consumer, event_id) values ($1, $2, $3) on conflict do nothing",
);
const SWEEP: ScopedWrite = ScopedWrite::new(
    "delete from app.consumed_events where account_id = $1 and consumer = $2 and event_id < $3",
);

/// Works on `event` until it is done, or until it is clear that it cannot be. While the database does not answer, it waits.
pub(crate) async fn work(db: &Db, consumer: &dyn Consumer, event: &Event, system: System) -> Outcome {
    let span = trace::working(system, consumer.name(), event);
    let outcome = span.within(persist(db, consumer, event)).await;
    let word = if outcome == Outcome::Done { "done" } else { "parked" };
    if outcome != Outcome::Done {
        span.failed(word);
    }
    counter!("nexo_events_consumed_total", "consumer" => consumer.name(), "outcome" => word).increment(1);
    outcome
}

async fn persist(db: &Db, consumer: &dyn Consumer, event: &Event) -> Outcome {
    let (mut pauses, mut waiting) = (PAUSES.iter(), Duration::from_millis(50));
    loop {
        let failure = match attempt(db, consumer, event).await {
            Ok(()) => return Outcome::Done,
            Err(Failure::Poison(reason)) => return Outcome::Parked(reason),
            Err(Failure::Db(db::Error::Unavailable(_))) => {
                sleep(waiting).await;
                waiting = (waiting * 2).min(LONGEST);
                continue;
            }
            Err(failure) => failure,
        };
        let Some(pause) = pauses.next() else { return Outcome::Parked(in_full(&failure)) };
        sleep(kernel::jittered(*pause)).await;
    }
}

async fn attempt(db: &Db, consumer: &dyn Consumer, event: &Event) -> Result<(), Failure> {
    let tried = AssertUnwindSafe(timeout(PATIENCE, once(db, consumer, event))).catch_unwind().await;
    match tried {
        Ok(Ok(done)) => done,
        Ok(Err(late)) => Err(Failure::Other(late.into())),
        Err(_) => Err(Failure::Poison("its consumer panicked".to_owned())),
    }
}

async fn once(db: &Db, consumer: &dyn Consumer, event: &Event) -> Result<(), Failure> {
    let mut tx = enter(db, event).await?;
    let consume = tx.write_unnoted::<()>(CONSUME).bind(consumer.name()).bind(event.id);
    if consume.run().await.map_err(db::Error::from)? == 0 {
        return Ok(()); // it was told before
    }
    if sweeps(event.id) {
        let swept = tx.write_unnoted::<()>(SWEEP).bind(consumer.name()).bind(long_before(event.id));
        swept.run().await.map_err(db::Error::from)?;
    }
    consumer.handle(&mut tx, event).await?;
    Ok(tx.commit().await?)
}

/// Goes into the account of an event, on behalf of whoever made it happen.
#[expect(
    clippy::disallowed_methods,
    reason = "an event names its account; it comes from the outbox of that account"
)]
pub(crate) async fn enter(db: &Db, event: &Event) -> db::Result<TenantTx> {
    db.system_inside(Reason::Event, event.account, event.actor, event.request).await
}

/// Now and then: one event in 256 sweeps behind it.
fn sweeps(id: Uuid) -> bool {
    id.as_bytes().last() == Some(&0)
}

/// The first identity that could have been made so long before this one.
fn long_before(id: Uuid) -> Uuid {
    let millis = u64::try_from(id.as_u128() >> 80).unwrap_or_default();
    let known = u64::try_from(KNOWN.as_millis()).unwrap_or(u64::MAX);
    Uuid::from_u128(u128::from(millis.saturating_sub(known)) << 80)
}

/// What went wrong, and why.
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
