use std::{sync::Arc, time::Duration};

use kernel::AccountId;
use testkit::RabbitMq;
use tokio::time::sleep;
use uuid::Uuid;

use crate::site::{Site, assert_in_order, nothing};

/// Short version of the stress test in `bench/events`.
#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_consumed_once_and_in_order_though_the_broker_and_the_relay_are_killed() {
    const CHANGES: usize = 2_000;
    let mut broker = RabbitMq::start().await;
    let site = Arc::new(Site::new(Some(broker.url())).await);
    let records: Vec<_> = (0..20).map(|_| (AccountId::new(), Uuid::now_v7())).collect();
    let consumer = site.start_consumer().await;
    let relay = site.start_relay();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (site, records) = (Arc::clone(&site), records.clone());
            tokio::spawn(async move {
                for turn in 0..CHANGES / 4 {
                    let (account, record) = records[(writer * 3 + turn) % records.len()];
                    site.change(account, record, nothing()).await.unwrap();
                }
            })
        })
        .collect();
    sleep(Duration::from_millis(300)).await;
    drop(relay); // dropped at a random point of a batch
    let relay = site.start_relay();
    broker.sync().await;
    broker.kill();
    for writer in writers {
        writer.await.unwrap();
    }
    broker.start_again().await;
    site.told(CHANGES).await;
    relay.stop().await;
    consumer.stop().await;
    let seen = site.seen().await;
    assert_eq!(seen.len(), CHANGES);
    assert_in_order(&seen);
}
