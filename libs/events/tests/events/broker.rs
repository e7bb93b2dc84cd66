use std::{sync::atomic::Ordering, time::Duration};

use kernel::AccountId;
use lapin::{
    Connection, ConnectionProperties,
    options::{QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};
use testkit::RabbitMq;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::site::{PATIENCE, Site, nothing};
use events::{Consumer as _, EventSystem};

async fn troubles(running: &EventSystem, wanted: usize) {
    let end = Instant::now() + PATIENCE;
    while running.troubles().count().load(Ordering::Relaxed) != wanted {
        assert!(Instant::now() < end, "{:?}", running.troubles());
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_broker_is_away_events_wait_and_changes_go_on() {
    let mut broker = RabbitMq::start().await;
    let site = Site::new(Some(broker.url())).await;
    let running = site.start();
    let (account, record) = (AccountId::new(), Uuid::now_v7());
    site.change(account, record, nothing()).await.unwrap();
    site.told(1).await;
    troubles(&running, 0).await;
    broker.sync().await;
    broker.kill();
    for _ in 0..5 {
        site.change(account, record, nothing()).await.unwrap();
    }
    troubles(&running, 2).await;
    assert_eq!(site.count("select count(*) from app.outbox").await, 5);
    broker.start_again().await;
    site.told(6).await;
    troubles(&running, 0).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_of_another_kind_is_an_error_that_names_it() {
    let url = RabbitMq::shared().await.url();
    let site = Site::new(Some(url.clone())).await;
    let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let queue = format!("nexo.{}", site.recorder.name());
    let options = QueueDeclareOptions::durable();
    channel.queue_declare(queue.as_str().into(), options, FieldTable::default()).await.unwrap();
    let running = site.start();
    troubles(&running, 1).await;
    site.change(AccountId::new(), Uuid::now_v7(), nothing()).await.unwrap();
    assert!(site.seen().await.is_empty());
    channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    troubles(&running, 0).await;
    running.stop().await;
}
