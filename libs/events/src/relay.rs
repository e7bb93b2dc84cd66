//! Relay: moves events from the outbox to the bus. Several relays may run; each locks the accounts that it works
//! on.

use std::{mem, time::Duration};

use db::{Backlog, Outbox, OutboxSignal};
use kernel::AccountId;
use metrics::{Counter, counter};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Event,
    amqp::{Published, Publisher},
    failures::Component,
    in_process::InProcessBus,
    trace::{self, System},
};

/// Maximum number of accounts per batch.
const ACCOUNTS: u16 = 20;
/// Approximate number of events per batch.
const BATCH: usize = 600;
/// Minimum number of events per account in a batch of many accounts.
const LEAST: usize = 50;
/// Polling interval of the outbox without notifications.
const POLL: Duration = Duration::from_millis(100);
/// Delay before retrying an account that another relay has locked.
const HELD: Duration = Duration::from_millis(20);
/// Minimum and maximum delay after a failure.
const RETRY_DELAYS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Bus that the relay publishes to.
pub(crate) enum Bus {
    /// RabbitMQ exchange.
    Broker(Box<Publisher>),
    /// Consumers of this process.
    Within(InProcessBus),
}

/// Publishes events from the outbox to the bus.
pub(crate) struct Relay {
    outbox: Outbox,
    bus: Bus,
    wake: OutboxSignal,
    part: Component,
    published: Counter,
    /// Last account of the previous poll: the next poll continues after it, for fairness.
    after: AccountId,
    asked: Option<Instant>,
}

/// Result of one pass of the relay.
enum RelayPass {
    /// Events were found; there may be more.
    Busy,
    /// Another relay has locked the accounts.
    Held,
    /// The outbox was empty.
    Idle,
}

/// Reason for the failure of a pass.
#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error("{}", in_full(.0))]
    Outbox(#[from] db::Error),
    #[error("{0}")]
    Bus(String),
}

impl Relay {
    pub(crate) fn new(outbox: Outbox, bus: Bus, wake: OutboxSignal, part: Component) -> Self {
        let published = counter!("nexo_outbox_published_total");
        Self { outbox, bus, wake, part, published, after: Uuid::nil().into(), asked: None }
    }

    /// Monitor of the outbox backlog.
    pub(crate) fn backlog(&self) -> Backlog {
        self.outbox.backlog()
    }

    /// Runs until stopped. A started batch is finished; aborting it would cause redeliveries.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut pause = RETRY_DELAYS.0;
        while !stop.is_cancelled() {
            let wait = match self.pass().await {
                Ok(RelayPass::Held) => HELD,
                Ok(pass) => {
                    self.part.works();
                    pause = RETRY_DELAYS.0;
                    if let RelayPass::Busy = pass {
                        continue;
                    }
                    POLL
                }
                Err(error) => {
                    self.part.fails(&error);
                    tokio::select! {
                        () = sleep(kernel::jittered(pause)) => pause = (pause * 2).min(RETRY_DELAYS.1),
                        () = stop.cancelled() => {}
                    }
                    continue;
                }
            };
            tokio::select! {
                () = self.wake.notified() => {}
                () = sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn pass(&mut self) -> Result<RelayPass, RelayError> {
        let accounts = self.accounts().await?;
        if accounts.is_empty() {
            return Ok(RelayPass::Idle);
        }
        let most = (BATCH / accounts.len()).max(LEAST);
        let mut claim = self.outbox.claim(&accounts, most).await?;
        let (events, missed) = (mem::take(&mut claim.events), claim.missed);
        if events.is_empty() {
            claim.finish(&[]).await?;
            return Ok(if missed > 0 { RelayPass::Held } else { RelayPass::Idle });
        }
        let (mut out, problem) = self.bus.publish(events.into_iter().map(Event::from).collect()).await;
        out.sort_unstable_by_key(|(account, _)| Uuid::from(*account));
        claim.finish(&out).await?;
        self.published.increment(out.len() as u64);
        match problem {
            None => Ok(RelayPass::Busy),
            Some(problem) => Err(RelayError::Bus(problem)),
        }
    }

    /// Accounts for the next batch: notified ones, and periodically, or without notifications, those found by
    /// polling.
    async fn accounts(&mut self) -> Result<Vec<AccountId>, RelayError> {
        let mut accounts = self.wake.take();
        for one in accounts.split_off(accounts.len().min(usize::from(ACCOUNTS))) {
            self.wake.notify(one); // for the next batch
        }
        let due = self.asked.is_none_or(|asked| asked.elapsed() >= POLL);
        if due || accounts.is_empty() {
            let first = Uuid::nil().into();
            let mut known = self.outbox.due(self.after, i32::from(ACCOUNTS)).await?;
            if known.is_empty() && self.after != first {
                known = self.outbox.due(first, i32::from(ACCOUNTS)).await?;
            }
            let whole = known.len() == usize::from(ACCOUNTS);
            self.after = known.last().copied().filter(|_| whole).unwrap_or(first);
            self.asked = Some(Instant::now());
            accounts.extend(known);
            accounts.sort_unstable_by_key(|account| Uuid::from(*account));
            accounts.dedup();
        }
        Ok(accounts)
    }
}

impl Bus {
    /// Publishes events; returns those that were delivered, and the reason for any failure.
    async fn publish(&mut self, events: Vec<Event>) -> (Vec<(AccountId, Uuid)>, Option<String>) {
        match self {
            Self::Broker(publisher) => {
                let _sending = trace::sending(System::RabbitMq, &events);
                let Published { out, problem } = publisher.publish(&events).await;
                (out, problem.map(|problem| problem.to_string()))
            }
            Self::Within(within) => {
                let all = events.len();
                let out = within.publish(events).await;
                let late = out.len() < all;
                (out, late.then(|| "a consumer takes too long".to_owned()))
            }
        }
    }
}

/// Error message with its cause.
fn in_full(error: &db::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
