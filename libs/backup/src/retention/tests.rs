use time::macros::datetime;

use super::*;
use crate::{Archive, Manifest, Provenance, Status, VerificationLevel, VerificationPassed};

const START: OffsetDateTime = datetime!(2026-01-01 02:00 UTC);

/// A backup made this number of hours after the start.
fn backup(hours: i64, label: &str, standing: BackupState) -> ListedBackup {
    let at = START + Duration::hours(hours);
    let name = Name::new(at, label).unwrap();
    let archive = Archive { bytes: 1, sha256: String::new(), plain_bytes: 1, recipients: Vec::new() };
    let made = Provenance {
        at,
        took_ms: 1,
        actor: "ana".to_owned(),
        origin: None,
        nexo: "0.2.0".to_owned(),
        server: 170_000,
        database: "nexo".to_owned(),
        encoding: "UTF8".to_owned(),
        collate: "C".to_owned(),
        ctype: "C".to_owned(),
        database_bytes: 1,
    };
    let manifest = Manifest {
        format: 2,
        name: name.clone(),
        made,
        archive: archive.clone(),
        schema: archive,
        schema_version: None,
        fingerprint: String::new(),
        roles: Vec::new(),
        extensions: Vec::new(),
        tables: Vec::new(),
    };
    let level = if standing == BackupState::Verified {
        VerificationLevel::Restored
    } else {
        VerificationLevel::Archive
    };
    let status = Status { verified: Some(VerificationPassed { at, level }), ..Status::default() };
    let origin = manifest.origin();
    ListedBackup {
        name,
        standing,
        failure: None,
        origin,
        manifest: Some(manifest),
        status,
        places: Vec::new(),
    }
}

/// Labels of the backups that are kept, with month, day and hour; newest first.
fn kept(mut entries: Vec<ListedBackup>, keep: &str) -> Vec<String> {
    entries.sort_by(|one, other| other.name.cmp(&one.name));
    let fates = decide(&entries, &keep.parse().unwrap());
    assert!(fates.iter().all(|fate| !fate.why.is_empty()));
    let kept = fates.into_iter().filter(|fate| fate.decision == Decision::Keep);
    kept.map(|fate| format!("{} {}", &fate.name.as_str()[6..11], fate.name.label())).collect()
}

fn days(count: i64, standing: impl Fn(i64) -> BackupState) -> Vec<ListedBackup> {
    (0..count).map(|day| backup(24 * day, "scheduled", standing(day))).collect()
}

#[test]
fn the_newest_of_each_period_stay() {
    let stay = kept(days(12, |_| BackupState::Verified), "last=1 daily=3 weekly=2 minimum=2");
    // 2026-01-12 is a Monday: the newest backup of its week; the 11th is the newest of the week before.
    assert_eq!(stay, ["12T02 scheduled", "11T02 scheduled", "10T02 scheduled"]);
}

/// Regression: 42 backups of one night once displaced all verified ones.
#[test]
fn the_newest_that_was_restored_and_compared_stays_beside_those_that_were_only_read() {
    let mut entries: Vec<ListedBackup> =
        (0..42).map(|n| backup(24 + n, "manual", BackupState::Read)).collect();
    entries.push(backup(0, "manual", BackupState::Verified));
    entries.push(backup(1, "manual", BackupState::Verified));
    let stay = kept(entries, "last=3");
    assert_eq!(stay.len(), 4);
    assert_eq!(stay.last().unwrap(), "01T03 manual");
}

#[test]
fn with_nothing_restored_and_compared_nothing_goes() {
    assert_eq!(kept(days(30, |_| BackupState::Read), "last=1").len(), 30);
    assert_eq!(kept(days(30, |_| BackupState::Failed), "last=1").len(), 30);
}

#[test]
fn newer_unverified_backups_are_kept_beside_the_last_verified_one() {
    let stay =
        kept(days(5, |day| if day == 1 { BackupState::Verified } else { BackupState::Stored }), "last=1");
    assert_eq!(stay, ["05T02 scheduled", "04T02 scheduled", "03T02 scheduled", "02T02 scheduled"]);
}

#[test]
fn a_way_back_stays_for_a_week_and_takes_no_place_of_another() {
    let mut entries = days(10, |_| BackupState::Verified);
    entries.push(backup(1, "before-restore", BackupState::Verified));
    entries.push(backup(73, "before-migration", BackupState::Read));
    entries.push(backup(75, "before-restore", BackupState::Stored));
    let stay = kept(entries.clone(), "last=2");
    assert_eq!(
        stay,
        ["10T02 scheduled", "09T02 scheduled", "04T05 before-restore", "04T03 before-migration"]
    );
    // Three commands needed it on the last day without intermediate writes: its week starts over.
    entries[10].status.needed_at = Some(START + Duration::days(9));
    assert_eq!(kept(entries, "last=2").last().unwrap(), "01T03 before-restore");
}

#[test]
fn what_a_person_named_stays_until_a_person_lets_it_go() {
    let mut entries = days(60, |_| BackupState::Verified);
    entries.push(backup(1, "before-the-move", BackupState::Stored));
    assert_eq!(kept(entries.clone(), "last=1").last().unwrap(), "01T03 before-the-move");
    entries[60].status.released = true;
    assert_eq!(kept(entries, "last=1").len(), 1);
}

#[test]
fn a_pin_holds_and_a_manifest_that_is_not_ours_is_left_alone() {
    let mut entries = days(4, |_| BackupState::Verified);
    entries[0].status.pinned = Some("the audit of 2026".to_owned());
    entries[1].manifest = None;
    entries[1].standing = BackupState::Failed;
    assert_eq!(kept(entries, "last=1"), ["04T02 scheduled", "02T02 scheduled", "01T02 scheduled"]);
}
