use std::sync::Arc;

use kernel::AccountId;
use serde_json::json;
use testkit::RabbitMq;
use uuid::Uuid;

use crate::site::{Site, assert_in_order, nothing};

/// Runs a test over both buses.
macro_rules! over_both {
    ($($name:ident => $body:path;)*) => {
        mod rabbitmq {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let broker = testkit::RabbitMq::shared().await.url();
                $body($crate::site::Site::new(Some(broker)).await).await;
            })*
        }
        mod within {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                $body($crate::site::Site::new(None).await).await;
            })*
        }
    };
}
pub(crate) use over_both;

over_both! {
    what_was_committed_is_told_once_and_in_order => super::told_once;
    an_event_that_fails_once_is_tried_again => super::tried_again;
    what_was_rolled_back_is_never_told => super::rolled_back;
}

/// Many concurrent writers of a few records in several accounts.
async fn told_once(site: Site) {
    let running = site.start();
    let site = Arc::new(site);
    let records: Vec<_> = (0..3)
        .flat_map(|_| {
            let account = AccountId::new();
            (0..4).map(move |_| (account, Uuid::now_v7()))
        })
        .collect();
    let writers: Vec<_> = (0..6)
        .map(|writer| {
            let (site, records) = (Arc::clone(&site), records.clone());
            tokio::spawn(async move {
                for turn in 0..40 {
                    let (account, record) = records[(writer * 7 + turn * 5) % records.len()];
                    site.change(account, record, nothing()).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    site.told(240).await;
    running.stop().await;
    let seen = site.seen().await;
    assert_eq!(seen.len(), 240);
    assert_in_order(&seen);
    assert_eq!(site.count("select count(*) from app.consumed_events").await, 240);
}

async fn tried_again(site: Site) {
    let (account, record) = (AccountId::new(), Uuid::now_v7());
    site.change(account, record, json!({ "fails": "once" })).await.unwrap();
    site.change(account, record, nothing()).await.unwrap();
    let running = site.start();
    site.told(2).await;
    running.stop().await;
    let versions: Vec<_> = site.seen().await.iter().map(|seen| seen.version).collect();
    assert_eq!(versions, [1, 2], "the second waits for the first");
}

async fn rolled_back(site: Site) {
    let running = site.start();
    let (account, record) = (AccountId::new(), Uuid::now_v7());
    site.database.run("alter table app.audit_log add constraint no check (false) not valid").await;
    site.change(account, record, nothing()).await.unwrap_err();
    site.database.run("alter table app.audit_log drop constraint no").await;
    site.change(account, record, nothing()).await.unwrap();
    site.told(1).await;
    running.stop().await;
    assert_eq!(site.seen().await.len(), 1);
}

/// Two relays in two processes, neither of which is notified by the writer.
#[tokio::test(flavor = "multi_thread")]
async fn two_relays_share_the_work_and_keep_the_order() {
    let site = Site::new(Some(RabbitMq::shared().await.url())).await;
    let accounts: Vec<_> = (0..5).map(|_| (AccountId::new(), Uuid::now_v7())).collect();
    for turn in 0..300 {
        let (account, record) = accounts[turn % accounts.len()];
        site.change(account, record, nothing()).await.unwrap();
    }
    let consumer = site.start_consumer().await;
    let relays = [site.start_relay(), site.start_relay()];
    for turn in 0..300 {
        let (account, record) = accounts[turn % accounts.len()];
        site.change(account, record, nothing()).await.unwrap();
    }
    site.told(600).await;
    for running in relays.into_iter().chain([consumer]) {
        running.stop().await;
    }
    let seen = site.seen().await;
    assert_eq!(seen.len(), 600);
    assert_in_order(&seen);
}
