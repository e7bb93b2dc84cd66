//! Retention.

use std::time::Duration;

use backup::{Config, Decision, Level, Order};
use kernel::Clock;

use crate::support::Ground;

const DAY: Duration = Duration::from_secs(86_400);
const START: i64 = 1_767_225_600; // 2026-01-01

/// A backup of each day; those for which `verified` holds count.
async fn days(ground: &Ground, count: u32, verified: impl Fn(u32) -> bool) -> (Config, Clock) {
    let clock = Clock::standing(START);
    let config = ground.config().at(clock.clone());
    for day in 0..count {
        let manifest = config.backup(&ground.reader(), &Order::new("daily", "ana")).await.unwrap();
        if verified(day) {
            config.verify(&manifest.name, Level::Hashes).await.unwrap();
        }
        clock.advance(DAY);
    }
    (config, clock)
}

async fn kept(config: &Config) -> Vec<String> {
    let fates = config.prune(true).await.unwrap();
    let kept = fates.into_iter().filter(|fate| fate.decision == Decision::Keep);
    kept.map(|fate| fate.name.as_str()[..8].to_owned()).collect()
}

async fn ground(keep: &str) -> Ground {
    Ground::of(testkit::Database::migrated().await).with("NEXO_BACKUP_KEEP", keep)
}

#[tokio::test]
async fn the_newest_of_each_period_stay_and_why_is_told() {
    let ground = ground("last=1 daily=3 weekly=2 minimum=2").await;
    let (config, _) = days(&ground, 12, |_| true).await;
    assert_eq!(kept(&config).await, ["20260112", "20260111", "20260110"]);
    // 2026-01-12 is a Monday: it is the newest of its week, and the 11th of the week before.
    let fates = config.prune(false).await.unwrap();
    assert!(fates.iter().all(|fate| !fate.why.is_empty()));
    assert_eq!(config.backups().unwrap().len(), 3);
    assert_eq!(
        config.prune(false).await.unwrap().iter().filter(|fate| fate.decision == Decision::Remove).count(),
        0
    );
}

#[tokio::test]
async fn only_verified_ones_count_and_the_newest_verified_always_stays() {
    let ground = ground("last=1").await;
    let (config, _) = days(&ground, 5, |day| day == 1).await;
    assert_eq!(
        kept(&config).await,
        ["20260105", "20260104", "20260103", "20260102"],
        "newer ones may yet be verified"
    );
}

#[tokio::test]
async fn with_nothing_verified_nothing_goes() {
    let ground = ground("last=1").await;
    let (config, _) = days(&ground, 3, |_| false).await;
    for entry in config.backups().unwrap() {
        let archive = config.folder().join(entry.name.as_str()).join("archive");
        std::fs::write(archive, "broken").unwrap();
        config.verify(&entry.name, Level::Hashes).await.unwrap_err();
    }
    assert!(config.backups().unwrap().iter().all(|entry| entry.standing == backup::Standing::Failed));
    assert_eq!(kept(&config).await.len(), 3);
}

#[tokio::test]
async fn a_clock_that_jumps_removes_nothing_and_a_pin_holds() {
    let ground = ground("last=1 daily=2").await;
    let (config, clock) = days(&ground, 4, |_| true).await;
    let oldest = config.backups().unwrap().pop().unwrap().name;
    config.pin(&oldest, Some("the audit of 2026".to_owned())).await.unwrap();
    let before = kept(&config).await;
    assert_eq!(before, ["20260104", "20260103", "20260101"]);
    clock.advance(DAY * 3650);
    assert_eq!(kept(&config).await, before);
}
