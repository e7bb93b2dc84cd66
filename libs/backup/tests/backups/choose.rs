//! Selection of `latest`, and detection of damaged backups.

use std::fs;

use backup::{BackupRequest, BackupState, Error, Name, VerificationLevel};

use crate::support::Ground;

async fn take(ground: &Ground, order: BackupRequest) -> Name {
    ground.config().backup(&ground.reader(), &order).await.unwrap().manifest.name
}

/// An interrupted restore has taken a backup of the damaged state: `latest` must not change.
#[tokio::test]
async fn latest_is_what_was_meant_and_not_the_by_product_of_a_command() {
    let ground = Ground::of(testkit::Database::migrated().await);
    let config = ground.config();
    assert!(matches!(config.choose("latest").await.unwrap_err(), Error::None));
    let reset = take(&ground, BackupRequest::of_command("before-reset", "ana")).await;
    let refused = config.choose("latest").await.unwrap_err().to_string();
    assert!(refused.contains("Name one of these") && refused.contains(reset.as_str()), "{refused}");
    let manual = take(&ground, BackupRequest::new("manual", "ana")).await;
    let scheduled = take(&ground, BackupRequest::new("scheduled", "schedule")).await;
    for label in ["before-restore", "before-tenant-restore", "before-migration", "after-migration"] {
        take(&ground, BackupRequest::of_command(label, "ana")).await;
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

/// Any part may be missing, truncated or unreadable: the list, the metrics and the recorded verification must show
/// it.
#[tokio::test]
async fn a_part_that_is_lost_makes_a_backup_failed_wherever_it_is_looked_at() {
    let ground = Ground::of(testkit::Database::migrated().await);
    let config = ground.config();
    let name = take(&ground, BackupRequest::new("scheduled", "ana")).await;
    config.verify(&name, VerificationLevel::Restored).await.unwrap();
    for part in ["archive", "schema", "catalogue.json", "manifest.json", "status.json"] {
        let path = config.folder().join(name.as_str()).join(part);
        let whole = fs::read(&path).unwrap();
        for rest in [None, Some(&whole[..whole.len() / 2])] {
            match rest {
                None => fs::remove_file(&path).unwrap(),
                Some(rest) => fs::write(&path, rest).unwrap(),
            }
            let entry = config.backups().unwrap().pop().unwrap();
            let cut = part == "catalogue.json" && rest.is_some(); // detected only when it is read
            assert_eq!(entry.standing == BackupState::Failed, !cut, "{part}: {entry:?}");
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
            config.verify(&name, VerificationLevel::Archive).await.unwrap_err();
            fs::write(&path, &whole).unwrap();
            let entry = config.backups().unwrap().pop().unwrap();
            assert_eq!(entry.standing, BackupState::Failed, "{part}: it was noted");
            config.verify(&name, VerificationLevel::Archive).await.unwrap();
            assert_eq!(config.backups().unwrap()[0].standing, BackupState::Read, "{part}");
        }
    }
}

#[tokio::test]
async fn the_four_states_are_those_of_the_metrics() {
    let ground = Ground::of(testkit::Database::migrated().await);
    let config = ground.config();
    let name = take(&ground, BackupRequest::new("scheduled", "ana")).await;
    let state = || (config.backups().unwrap()[0].standing, config.told_to_monitors());
    let (verified, read) =
        ("nexo_backup_newest_verified_timestamp_seconds", "nexo_backup_newest_read_timestamp_seconds");
    for (level, standing) in [
        (VerificationLevel::Hashes, BackupState::Stored),
        (VerificationLevel::Archive, BackupState::Read),
        (VerificationLevel::Restored, BackupState::Verified),
        (VerificationLevel::Archive, BackupState::Verified),
    ] {
        config.verify(&name, level).await.unwrap();
        let (is, told) = state();
        assert_eq!(is, standing);
        assert_eq!(told.contains(verified), standing == BackupState::Verified, "{told}");
        assert_eq!(told.contains(read), standing != BackupState::Stored, "{told}");
    }
}
