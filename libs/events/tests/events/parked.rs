use std::{sync::atomic::Ordering, time::Duration};

use kernel::AccountId;
use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{BasicGetOptions, BasicPublishOptions},
};
use serde_json::{Value, json};
use testkit::RabbitMq;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{
    delivery::over_both,
    site::{PATIENCE, Site, nothing},
};
use events::Consumer as _;

over_both! {
    poison_is_put_aside_with_the_reason_and_the_next_event_is_told => super::put_aside;
}

async fn put_aside(site: Site) {
    let running = site.start();
    let account = AccountId::new();
    for (told, (fails, reason, attempts)) in [
        ("always", "it is poison", 1),
        ("panics", "its consumer panicked", 1),
        ("each time", "it fails each time", 4),
    ]
    .into_iter()
    .enumerate()
    {
        let record = Uuid::now_v7();
        let before = site.recorder.attempts.load(Ordering::Relaxed);
        site.change(account, record, json!({ "fails": fails })).await.unwrap();
        let (why, event) = parked(&site).await;
        assert!(why.starts_with(reason), "{why}");
        assert_eq!(event["subject"], format!("counted/{record}"));
        assert_eq!(event["accountid"], json!(account));
        assert_eq!(site.recorder.attempts.load(Ordering::Relaxed) - before, attempts, "{fails}");
        site.change(account, record, nothing()).await.unwrap();
        site.told(told + 1).await;
    }
    running.stop().await;
    let versions: Vec<_> = site.seen().await.iter().map(|seen| seen.version).collect();
    assert_eq!(versions, [2, 2, 2], "what was written about a parked event was rolled back");
}

/// Takes the last parked event, with its reason.
async fn parked(site: &Site) -> (String, Value) {
    let end = Instant::now() + PATIENCE;
    loop {
        let found = match &site.broker {
            Some(url) => in_queue(url, site.recorder.name()).await,
            None => in_table(site).await,
        };
        if let Some(found) = found {
            return found;
        }
        assert!(Instant::now() < end, "nothing was parked");
        sleep(Duration::from_millis(50)).await;
    }
}

async fn in_table(site: &Site) -> Option<(String, Value)> {
    let take = "delete from app.parked_events returning reason, event";
    sqlx::query_as(take).fetch_optional(&mut site.look().await).await.unwrap()
}

async fn in_queue(url: &str, consumer: &str) -> Option<(String, Value)> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let options = BasicGetOptions { no_ack: true };
    let message = channel.basic_get(format!("nexo.{consumer}.parked").into(), options).await.ok()??;
    let headers = message.properties.headers().as_ref().unwrap();
    let reason = headers.inner()["nexo-reason"].as_long_string().unwrap().to_string();
    Some((reason, serde_json::from_slice(&message.data).unwrap_or(Value::Null)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_no_event_is_put_aside_at_once() {
    let url = RabbitMq::shared().await.url();
    let site = Site::new(Some(url.clone())).await;
    let running = site.start();
    site.change(AccountId::new(), Uuid::now_v7(), nothing()).await.unwrap();
    site.told(1).await;
    let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let (exchange, key) = ("nexo.events".into(), site.recorder.topic.as_str().into());
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    channel.basic_publish(exchange, key, options, b"hello", properties).await.unwrap();
    let (reason, _) = parked(&site).await;
    assert!(reason.starts_with("it is not an event"), "{reason}");
    running.stop().await;
}
