//! Test fixture: a database, a bus, writers, and a recording consumer.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use db::{Change, Db, OutboxSignal, Reason, TenantCommand, TenantTx};
use events::{Config, Consumer, Event, EventSystem, Failure};
use kernel::{AccountId, Env, UserId};
use lapin::{Connection, ConnectionProperties, options::QueueDeclareOptions, types::FieldTable};
use serde_json::{Value, json};
use sqlx::{Connection as _, FromRow, PgConnection};
use testkit::{Database, TestContext};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Long timeout, for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// Environment of a test.
pub(crate) struct Site {
    pub(crate) database: Database,
    pub(crate) db: Db,
    pub(crate) wake: OutboxSignal,
    /// RabbitMQ URL; without it, events are delivered within the process.
    pub(crate) broker: Option<String>,
    pub(crate) recorder: Arc<Recorder>,
}

/// A recorded delivery, in order of arrival.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct Seen {
    pub(crate) account_id: AccountId,
    pub(crate) event_id: Uuid,
    pub(crate) record_id: Uuid,
    pub(crate) version: i64,
}

const TABLES: &str = "
    create table app.seen (account_id uuid not null, event_id uuid not null, record_id uuid not null, version bigint not null,
                           written_at timestamptz not null, seen_at timestamptz not null default clock_timestamp(), n bigint generated always as identity);
    grant select, insert on app.seen to nexo_app;
    create table app.counted (account_id uuid not null, id uuid not null, version bigint not null, primary key (account_id, id));
    grant select, insert, update on app.counted to nexo_app";

impl Site {
    /// Creates the environment on a new database.
    pub(crate) async fn new(broker: Option<String>) -> Self {
        let ground = TestContext::new("nexo_app").await;
        let wake = OutboxSignal::default();
        let site = Self {
            db: ground.db.with_event_wakeup(&wake),
            database: ground.database,
            wake,
            broker,
            recorder: Arc::new(Recorder::new()),
        };
        site.database.run(TABLES).await;
        site
    }

    /// Settings of a process that runs the relay, consumers, or both.
    pub(crate) fn settings(&self, with_relay: bool) -> Vec<(String, String)> {
        let mut settings = self.database.settings("nexo_app");
        let relay = self.database.settings("nexo_relay").into_iter().find(|(name, _)| name == "DATABASE_URL");
        settings.extend(relay.filter(|_| with_relay).map(|(_, url)| ("RELAY_DATABASE_URL".to_owned(), url)));
        settings.extend(self.broker.clone().map(|url| ("AMQP_URL".to_owned(), url)));
        settings
    }

    pub(crate) fn config(&self, with_relay: bool) -> Config {
        let mut env = Env::from_values(self.settings(with_relay));
        let config = Config::read(&mut env);
        env.finish().unwrap();
        config
    }

    /// Starts the relay and the consumer.
    pub(crate) fn start(&self) -> EventSystem {
        self.config(true).start(&self.db, self.wake.clone(), vec![Arc::clone(&self.recorder) as _])
    }

    /// Starts the relay only, without notifications of writes.
    pub(crate) fn start_relay(&self) -> EventSystem {
        self.config(true).start(&self.db, OutboxSignal::default(), vec![])
    }

    /// Starts the consumer only and waits for its queue: without it, a relay in another process would drop the
    /// events.
    pub(crate) async fn start_consumer(&self) -> EventSystem {
        let running = self.config(false).start(
            &self.db,
            OutboxSignal::default(),
            vec![Arc::clone(&self.recorder) as _],
        );
        let url = self.broker.as_ref().unwrap();
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            let channel = connection.create_channel().await.unwrap(); // a failed declaration closes the channel
            let queue = format!("nexo.{}", self.recorder.name).into();
            let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            let there = channel.queue_declare(queue, options, FieldTable::default()).await;
            if there.is_ok_and(|queue| queue.consumer_count() > 0) {
                return running;
            }
            assert!(Instant::now() < end, "the consumer has no queue");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Creates or updates a record like a request would; returns its version.
    pub(crate) async fn change(&self, account: AccountId, record: Uuid, data: Value) -> db::Result<i64> {
        change(&self.db, &self.recorder.topic, account, record, data).await
    }

    pub(crate) async fn look(&self) -> PgConnection {
        self.database.look().await
    }

    /// Deliveries that the consumer has recorded.
    pub(crate) async fn seen(&self) -> Vec<Seen> {
        let seen = "select account_id, event_id, record_id, version from app.seen order by n";
        sqlx::query_as(seen).fetch_all(&mut self.look().await).await.unwrap()
    }

    pub(crate) async fn count(&self, of: &'static str) -> i64 {
        let mut conn = self.look().await;
        let (count,): (i64,) = sqlx::query_as(of).fetch_one(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        count
    }

    /// Waits until the consumer has recorded this number of deliveries and the outbox is empty.
    pub(crate) async fn told(&self, wanted: usize) {
        let end = Instant::now() + PATIENCE;
        loop {
            let seen = self.count("select count(*) from app.seen").await;
            let left = self.count("select count(*) from app.outbox").await;
            if left == 0 && usize::try_from(seen).unwrap() >= wanted {
                return;
            }
            assert!(Instant::now() < end, "{seen} of {wanted} were told, {left} wait in the outbox");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

const CHANGE: TenantCommand = TenantCommand::new(
    "insert into app.counted (account_id, id, version) values ($1, $2, 1)
     on conflict (account_id, id) do update set version = app.counted.version + 1 returning version",
);

#[expect(clippy::disallowed_methods, reason = "a test writes as anybody")]
pub(crate) async fn change(
    db: &Db,
    topic: &str,
    account: AccountId,
    record: Uuid,
    data: Value,
) -> db::Result<i64> {
    let mut tx = db.begin_as(Reason::Event, account, UserId::new(), Uuid::now_v7()).await?;
    let changed = tx.execute_untracked::<(i64,)>(CHANGE).bind(record).optional().await?;
    let version = changed.map(|(version,)| version).unwrap_or_default();
    tx.audit(Change::new(topic, "counted", record, "changed").at(version).with(data));
    tx.commit().await?;
    Ok(version)
}

/// Asserts that every version of every record was delivered once and in order.
pub(crate) fn assert_in_order(seen: &[Seen]) {
    let mut last = HashMap::new();
    for one in seen {
        let before = last.insert((one.account_id, one.record_id), one.version).unwrap_or(0);
        assert_eq!(one.version, before + 1, "{one:?} came after version {before}");
    }
}

/// Consumer that records deliveries, and fails if the event says so.
pub(crate) struct Recorder {
    name: &'static str,
    topics: &'static [&'static str],
    /// Topic that the consumer receives.
    pub(crate) topic: String,
    /// Arrival time by record and version.
    pub(crate) arrived: Mutex<HashMap<(Uuid, i64), Instant>>,
    /// Number of processing attempts.
    pub(crate) attempts: AtomicUsize,
}

impl Recorder {
    /// Creates a consumer with a unique name and topic: tests share a broker.
    pub(crate) fn new() -> Self {
        let id = Uuid::now_v7().simple().to_string();
        Self::named(format!("recorder-{id}"), &format!("t{id}"))
    }

    pub(crate) fn named(name: String, area: &str) -> Self {
        let pattern: &'static str = format!("{area}.#").leak();
        Self {
            name: name.leak(),
            topics: vec![pattern].leak(),
            topic: format!("{area}.counted.changed"),
            arrived: Mutex::default(),
            attempts: AtomicUsize::new(0),
        }
    }
}

const SEEN: TenantCommand = TenantCommand::new(
    "insert into app.seen (account_id, event_id, record_id, version, written_at) values ($1, $2, $3, $4, $5::text::timestamptz)",
);

#[async_trait]
impl Consumer for Recorder {
    fn name(&self) -> &'static str {
        self.name
    }

    fn topics(&self) -> &'static [&'static str] {
        self.topics
    }

    async fn handle(&self, tx: &mut TenantTx, event: &Event) -> Result<(), Failure> {
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed);
        let (_, record) = event.record().unwrap();
        self.arrived.lock().unwrap().entry((record, event.version)).or_insert_with(Instant::now);
        let seen = tx.execute_untracked::<()>(SEEN).bind(event.id).bind(record).bind(event.version);
        seen.bind(&event.time).run().await.map_err(db::Error::from)?;
        match event.data["fails"].as_str() {
            Some("always") => Err(Failure::Poison("it is poison".to_owned())),
            Some("each time") => Err(Failure::Other("it fails each time".into())),
            Some("once") if attempt == 0 => Err(Failure::Other("it fails once".into())),
            Some("panics") => std::panic::panic_any("it panics"),
            _ => Ok(()),
        }
    }
}

/// Payload of a change without special behavior.
pub(crate) fn nothing() -> Value {
    json!({})
}
