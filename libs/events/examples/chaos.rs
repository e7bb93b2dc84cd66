//! Long-running stress test: throughput and latency of event delivery, and exactly-once, in-order delivery while
//! the broker and relays are killed. Run by `bench/events`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement"
)]

#[path = "../tests/events/site.rs"]
mod site;

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use db::OutboxSignal;
use events::Config;
use kernel::{AccountId, Env};
use testkit::{Database, RabbitMq};
use tokio::{
    process::{Child, Command},
    time::{Instant, interval, sleep},
};
use uuid::Uuid;

use site::{Site, assert_in_order, nothing};

/// Time until consumers are connected, and the broker has written their queues to disk.
const SETTLED: Duration = Duration::from_secs(4);

#[tokio::main]
async fn main() {
    if env::args().nth(1).as_deref() == Some("relay") {
        return relay().await;
    }
    let changes = env::args().nth(1).map_or(50_000, |changes| changes.parse().unwrap());
    let mut broker = RabbitMq::start().await;
    drain(&broker).await;
    latency(&broker).await;
    chaos(&mut broker, changes).await;
}

/// Runs a relay as a separate process until it is killed.
async fn relay() {
    let mut env = Env::from_process();
    let config = Config::read(&mut env);
    let db = db::Config::read(&mut env).open(&migrate::NoHooks).await.unwrap();
    let _running = config.start(&db, OutboxSignal::default(), vec![]);
    std::future::pending::<()>().await;
}

const BACKLOG: &str = "
    insert into app.outbox (account_id, id, topic, resource, record_id, version, payload, request_id, created_by)
    select md5('account ' || n % 40)::uuid, md5('event ' || n)::uuid, 'TOPIC', 'counted', md5('record ' || n % 2000)::uuid,
           1 + n / 2000, jsonb_build_object('name', 'Acme ' || n, 'email', n || '@acme.example', 'status', 'active', 'rating', 3,
           'notes', repeat('x', 300)), md5('r')::uuid, md5('u')::uuid
    from generate_series(0, 39999) n; analyze app.outbox";

/// Throughput from a full outbox to the broker, without a consumer.
async fn drain(broker: &RabbitMq) {
    let site = Site::new(Some(broker.url())).await;
    let consumer = site.start_consumer().await;
    sleep(SETTLED).await;
    consumer.stop().await;
    site.database.run(&BACKLOG.replace("TOPIC", &site.recorder.topic)).await;
    let start = Instant::now();
    let relay = site.start_relay();
    while site.count("select count(*) from (select from app.outbox limit 1) o").await > 0 {
        sleep(Duration::from_millis(5)).await;
    }
    let rate = 40_000.0 / start.elapsed().as_secs_f64();
    println!("drain: 40000 events of 40 accounts, {rate:.0}/s");
    relay.stop().await;
}

/// Latency from commit to consumer, at 500 changes per second.
async fn latency(broker: &RabbitMq) {
    const CHANGES: usize = 10_000;
    let site = Arc::new(Site::new(Some(broker.url())).await);
    let running = site.start();
    sleep(SETTLED).await;
    let records: Vec<_> = (0..200).map(|_| (AccountId::new(), Uuid::now_v7())).collect();
    let mut beat = interval(Duration::from_millis(2));
    let mut writers = Vec::new();
    for turn in 0..CHANGES {
        beat.tick().await;
        let (site, (account, record)) = (Arc::clone(&site), records[turn % records.len()]);
        writers.push(tokio::spawn(async move {
            let version = site.change(account, record, nothing()).await.unwrap();
            ((record, version), Instant::now())
        }));
    }
    let mut committed = Vec::new();
    for writer in writers {
        committed.push(writer.await.unwrap());
    }
    site.told(CHANGES).await;
    running.stop().await;
    let arrived = site.recorder.arrived.lock().unwrap();
    let mut took: Vec<Duration> =
        committed.iter().map(|(change, at)| arrived[change].saturating_duration_since(*at)).collect();
    took.sort_unstable();
    let ms = |share: usize| took[took.len() * share / 100].as_secs_f64() * 1e3;
    println!("commit to consumer at 500/s: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms", ms(50), ms(90), ms(99));
}

/// Kills the broker three times and a relay twice during concurrent writes.
async fn chaos(broker: &mut RabbitMq, changes: usize) {
    let site = Arc::new(Site::new(Some(broker.url())).await);
    let consumer = site.start_consumer().await;
    sleep(SETTLED).await;
    let elsewhere = Database::migrated().await;
    let mut relays = [spawn(&site, &elsewhere), spawn(&site, &elsewhere)];
    let records: Arc<Vec<_>> = Arc::new((0..200).map(|at| (at % 20, Uuid::now_v7())).collect());
    let accounts: Arc<Vec<_>> = Arc::new((0..20).map(|_| AccountId::new()).collect());
    let (done, start) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (site, done) = (Arc::clone(&site), Arc::clone(&done));
            let (records, accounts) = (Arc::clone(&records), Arc::clone(&accounts));
            tokio::spawn(async move {
                let mut beat = interval(Duration::from_millis(8)); // a thousand per second in total
                for turn in 0..changes / 8 {
                    beat.tick().await;
                    let (account, record) = records[(writer * 31 + turn * 7) % records.len()];
                    site.change(accounts[account], record, nothing()).await.unwrap();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for (at, kill) in [(15, "broker"), (30, "relay"), (45, "broker"), (60, "relay"), (75, "broker")] {
        while done.load(Ordering::Relaxed) * 100 < changes * at {
            sleep(Duration::from_millis(5)).await;
        }
        println!("  after {} changes: kill -9 of the {kill}", done.load(Ordering::Relaxed));
        if kill == "broker" {
            broker.kill();
            broker.start_again().await;
        } else {
            relays[at / 60].kill().await.unwrap();
            relays[at / 60] = spawn(&site, &elsewhere);
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    println!("  all written after {:.0} s", start.elapsed().as_secs_f64());
    site.told(changes).await;
    println!("  all told after {:.0} s", start.elapsed().as_secs_f64());
    consumer.stop().await;
    for relay in &mut relays {
        relay.kill().await.unwrap();
    }
    let seen = site.seen().await;
    assert_in_order(&seen);
    let versions = site.count("select sum(version)::bigint from app.counted").await;
    let events = site.count("select count(distinct event_id) from app.seen").await;
    let (told, attempts) = (seen.len(), site.recorder.attempts.load(Ordering::Relaxed));
    println!(
        "chaos: {changes} changes, {versions} versions committed, {told} told, {events} of them different, all in order; the consumer was asked {attempts} times"
    );
    assert_eq!(
        (told, usize::try_from(versions), usize::try_from(events)),
        (changes, Ok(changes), Ok(changes))
    );
}

/// Spawns a relay process. `elsewhere` provides the database that its configuration requires, without the tests'
/// own tables.
fn spawn(site: &Site, elsewhere: &Database) -> Child {
    let settings = site.settings(true).into_iter().chain(elsewhere.settings("nexo_app"));
    Command::new(env::current_exe().unwrap()).arg("relay").envs(settings).kill_on_drop(true).spawn().unwrap()
}
