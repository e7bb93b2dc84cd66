//! From the outbox to the bus. Several relays may run: each holds the accounts whose events it has on the way.

use std::{mem, time::Duration};

use db::{Backlog, Outbox, Wake};
use kernel::AccountId;
use metrics::{Counter, counter};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Event,
    amqp::{Published, Publisher},
    trace::{self, System},
    trouble::Part,
    within::Within,
};

/// Accounts of one batch.
const ACCOUNTS: u16 = 20;
/// Events of one batch, about.
const BATCH: usize = 600;
/// Events of one account in a batch of many accounts.
const LEAST: usize = 50;
/// How often the database is asked who has events, when nobody tells.
const POLL: Duration = Duration::from_millis(100);
/// How soon it is tried again to get an account that another relay holds.
const HELD: Duration = Duration::from_millis(20);
/// Pauses after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Where events go.
pub(crate) enum Bus {
    /// To RabbitMQ.
    Broker(Box<Publisher>),
    /// To the consumers of this process.
    Within(Within),
}

/// Takes events from the outbox to the bus.
pub(crate) struct Relay {
    outbox: Outbox,
    bus: Bus,
    wake: Wake,
    part: Part,
    published: Counter,
    /// The last account of the database's last answer: the next answer goes on behind it, so that none waits for ever.
    after: AccountId,
    asked: Option<Instant>,
}

/// What a pass came to.
enum Pass {
    /// There were events; there may be more.
    Busy,
    /// Another relay is at them.
    Held,
    /// There was nothing.
    Idle,
}

/// Why a pass came to nothing.
#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error("{}", in_full(.0))]
    Outbox(#[from] db::Error),
    #[error("{0}")]
    Bus(String),
}

impl Relay {
    pub(crate) fn new(outbox: Outbox, bus: Bus, wake: Wake, part: Part) -> Self {
        let published = counter!("nexo_outbox_published_total");
        Self { outbox, bus, wake, part, published, after: Uuid::nil().into(), asked: None }
    }

    /// How much waits for it.
    pub(crate) fn backlog(&self) -> Backlog {
        self.outbox.backlog()
    }

    /// Works until it is stopped. A batch that has begun is finished: dropped, it would be told again.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut pause = PAUSES.0;
        while !stop.is_cancelled() {
            let wait = match self.pass().await {
                Ok(Pass::Held) => HELD,
                Ok(pass) => {
                    self.part.works();
                    pause = PAUSES.0;
                    if let Pass::Busy = pass {
                        continue;
                    }
                    POLL
                }
                Err(error) => {
                    self.part.fails(&error);
                    tokio::select! {
                        () = sleep(kernel::jittered(pause)) => pause = (pause * 2).min(PAUSES.1),
                        () = stop.cancelled() => {}
                    }
                    continue;
                }
            };
            tokio::select! {
                () = self.wake.told() => {}
                () = sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn pass(&mut self) -> Result<Pass, RelayError> {
        let accounts = self.accounts().await?;
        if accounts.is_empty() {
            return Ok(Pass::Idle);
        }
        let most = (BATCH / accounts.len()).max(LEAST);
        let mut claim = self.outbox.claim(&accounts, most).await?;
        let (events, missed) = (mem::take(&mut claim.events), claim.missed);
        if events.is_empty() {
            claim.finish(&[]).await?;
            return Ok(if missed > 0 { Pass::Held } else { Pass::Idle });
        }
        let (mut out, problem) = self.bus.publish(events.into_iter().map(Event::from).collect()).await;
        out.sort_unstable_by_key(|(account, _)| Uuid::from(*account));
        claim.finish(&out).await?;
        self.published.increment(out.len() as u64);
        match problem {
            None => Ok(Pass::Busy),
            Some(problem) => Err(RelayError::Bus(problem)),
        }
    }

    /// Whose turn it is: those we were told of, and, from time to time or when we were told of none, those that the
    /// database knows.
    async fn accounts(&mut self) -> Result<Vec<AccountId>, RelayError> {
        let mut accounts = self.wake.take();
        for one in accounts.split_off(accounts.len().min(usize::from(ACCOUNTS))) {
            self.wake.tell(one); // the next time
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
    /// Tells events; returns which of them are out, and what kept the others.
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

/// What is wrong with the database, and why.
fn in_full(error: &db::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
