//! Which backup `latest` means, and what is noticed of one that was lost.

use std::fs;

use backup::{Error, Level, Name, Order, Standing};

use crate::support::Ground;

async fn take(ground: &Ground, order: Order) -> Name {
    ground.config().backup(&ground.reader(), &order).await.unwrap().manifest.name
}

/// A restore that was killed has taken a backup of the damage: `latest` means the same as before.
#[tokio::test]
async fn latest_is_what_was_meant_and_not_the_by_product_of_a_command() {
    let ground = Ground::of(testkit::Database::migrated().await);
    let config = ground.config();
    assert!(matches!(config.choose("latest").await.unwrap_err(), Error::None));
    let reset = take(&ground, Order::of_command("before-reset", "ana")).await;
    let refused = config.choose("latest").await.unwrap_err().to_string();
    assert!(refused.contains("Name one of these") && refused.contains(reset.as_str()), "{refused}");
    let manual = take(&ground, Order::new("manual", "ana")).await;
    let scheduled = take(&ground, Order::new("scheduled", "schedule")).await;
    for label in ["before-restore", "before-tenant-restore", "before-migration", "after-migration"] {
        take(&ground, Order::of_command(label, "ana")).await;
    }
    let chosen = config.choose("latest").await.unwrap();
    assert_eq!((chosen.name, chosen.passed_over.len()), (scheduled.clone(), 4));
    let archive = config.folder().join(scheduled.as_str()).join("archive");
    fs::remove_file(&archive).unwrap();
    let chosen = config.choose("latest").await.unwrap();
    assert_eq!(chosen.name, manual);
    assert!(chosen.passed_over[4].contains("it failed: its archive"), "{:?}", chosen.passed_over);
    assert_eq!(config.bring_to_verify("latest").await.unwrap(), scheduled, "verify is to notice it");
    assert_eq!(config.find("latest").unwrap(), manual);
}

/// Whichever part of it is gone, cut or unreadable: in the list, in the metrics, and for good once somebody verified it.
#[tokio::test]
async fn a_part_that_is_lost_makes_a_backup_failed_wherever_it_is_looked_at() {
    let ground = Ground::of(testkit::Database::migrated().await);
    let config = ground.config();
    let name = take(&ground, Order::new("scheduled", "ana")).await;
    config.verify(&name, Level::Restored).await.unwrap();
    for part in ["archive", "schema", "catalogue.json", "manifest.json", "status.json"] {
        let path = config.folder().join(name.as_str()).join(part);
        let whole = fs::read(&path).unwrap();
        for rest in [None, Some(&whole[..whole.len() / 2])] {
            match rest {
                None => fs::remove_file(&path).unwrap(),
                Some(rest) => fs::write(&path, rest).unwrap(),
            }
            let entry = config.backups().unwrap().pop().unwrap();
            let cut = part == "catalogue.json" && rest.is_some(); // is seen when it is read
            assert_eq!(entry.standing == Standing::Failed, !cut, "{part}: {entry:?}");
            if !cut {
                let told = config.told_to_monitors();
                assert!(
                    told.contains("nexo_backups_failed 1") && !told.contains("_verified_timestamp"),
                    "{told}"
                );
            }
            if part == "status.json" {
                fs::write(&path, &whole).unwrap();
                continue;
            }
            config.verify(&name, Level::Archive).await.unwrap_err();
            fs::write(&path, &whole).unwrap();
            let entry = config.backups().unwrap().pop().unwrap();
            assert_eq!(entry.standing, Standing::Failed, "{part}: it was noted");
            config.verify(&name, Level::Archive).await.unwrap();
            assert_eq!(config.backups().unwrap()[0].standing, Standing::Read, "{part}");
        }
    }
}

#[tokio::test]
async fn the_four_states_are_those_of_the_metrics() {
    let ground = Ground::of(testkit::Database::migrated().await);
    let config = ground.config();
    let name = take(&ground, Order::new("scheduled", "ana")).await;
    let state = || (config.backups().unwrap()[0].standing, config.told_to_monitors());
    let (verified, read) =
        ("nexo_backup_newest_verified_timestamp_seconds", "nexo_backup_newest_read_timestamp_seconds");
    for (level, standing) in [
        (Level::Hashes, Standing::Stored),
        (Level::Archive, Standing::Read),
        (Level::Restored, Standing::Verified),
        (Level::Archive, Standing::Verified),
    ] {
        config.verify(&name, level).await.unwrap();
        let (is, told) = state();
        assert_eq!(is, standing);
        assert_eq!(told.contains(verified), standing == Standing::Verified, "{told}");
        assert_eq!(told.contains(read), standing != Standing::Stored, "{told}");
    }
}
