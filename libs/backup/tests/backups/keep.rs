//! Retention on real files; unit tests cover the rules.

use backup::{BackupRequest, BackupState, Decision, Origin, VerificationLevel};
use kernel::Clock;

use crate::support::{Ground, one};

#[tokio::test]
async fn what_goes_is_removed_and_what_a_person_named_stays_until_it_is_released() {
    let ground = Ground::of(testkit::Database::migrated().await).with("NEXO_BACKUP_RETENTION", "last=1");
    let config = ground.config();
    let take =
        async |order: BackupRequest| config.backup(&ground.reader(), &order).await.unwrap().manifest.name;
    let first = take(BackupRequest::new("scheduled", "ana")).await;
    let named = take(BackupRequest::new("the-audit", "ana")).await;
    let way_back = take(BackupRequest::of_command("before-restore", "ana")).await;
    let newest = take(BackupRequest::new("scheduled", "ana")).await;
    for name in [&first, &named, &way_back] {
        config.verify(name, VerificationLevel::Archive).await.unwrap();
    }
    config.verify(&newest, VerificationLevel::Restored).await.unwrap();
    let going = || {
        let fates = config.fates().unwrap().into_iter();
        fates.filter(|fate| fate.decision == Decision::Remove).map(|fate| fate.name).collect::<Vec<_>>()
    };
    assert_eq!(going(), [first]);
    config.remove(&config.fates().unwrap()).await.unwrap();
    assert_eq!(config.backups().unwrap().len(), 3);
    config.pin(&named, None).await.unwrap();
    assert_eq!(going(), [named]);
}

/// Three failed attempts of a command share one backup, which is kept for a week after the last.
#[tokio::test]
async fn a_way_back_is_not_taken_again_while_nothing_was_written() {
    let ground = Ground::filled().await;
    let clock = Clock::fixed(1_767_225_600);
    let (config, reader) = (ground.config().with_clock(clock.clone()), ground.reader());
    assert_eq!(config.still_good(&reader).await.unwrap(), None);
    config.backup(&reader, &BackupRequest::new("scheduled", "ana")).await.unwrap();
    assert_eq!(config.still_good(&reader).await.unwrap(), None, "one of the schedule has another life");
    let taken = config.backup(&reader, &BackupRequest::of_command("before-restore", "ana")).await.unwrap();
    assert_eq!(config.still_good(&reader).await.unwrap(), None, "nobody has read it");
    config.verify(&taken.name, VerificationLevel::Archive).await.unwrap();
    ground.database.run("insert into ops.operator_log values (gen_random_uuid(), now(), 'ana', 'o', '{}', 'confirmed', 'failed')").await;
    clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(config.still_good(&reader).await.unwrap(), Some(taken.name.clone()));
    let needed = config.backups().unwrap()[0].status.needed_at.unwrap();
    assert_eq!(needed.unix_timestamp(), 1_767_225_660);
    for written in [
        "update app.clients set notes = 'other' where name = 'Client 9'",
        "update app.clients set notes = null where name = 'Client 9'; create index of_a_test on app.clients (notes)",
    ] {
        ground.database.run(written).await;
        assert_eq!(config.still_good(&reader).await.unwrap(), None, "{written}");
    }
    let archive = config.folder().join(taken.name.as_str()).join("archive");
    ground.database.run("drop index app.of_a_test").await;
    std::fs::remove_file(archive).unwrap();
    assert_eq!(config.still_good(&reader).await.unwrap(), None, "it is not there any more");
}

#[tokio::test]
async fn below_the_floor_of_free_space_a_backup_is_refused_and_nothing_goes_for_it() {
    let ground = Ground::of(testkit::Database::migrated().await);
    let first = ground.backup().await;
    let config = ground.with("NEXO_BACKUP_MIN_FREE_MB", "99999999").config();
    let refused = config.backup(&ground.reader(), &BackupRequest::new("scheduled", "ana")).await.unwrap_err();
    assert!(matches!(refused, backup::Error::Space { .. }), "{refused}");
    assert!(config.told_to_monitors().contains("nexo_backup_refused_for_space 1"));
    assert!(ground.config().told_to_monitors().contains("nexo_backup_refused_for_space 0"));
    assert_eq!(config.backups().unwrap()[0].name, first.name);
}

/// Concurrent backups in one second: each gets a second and a complete archive of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_of_the_same_second_do_not_meet() {
    let ground = Ground::of(testkit::Database::migrated().await);
    let mut taking = tokio::task::JoinSet::new();
    for at in 0..6 {
        let (config, reader) = (ground.config().with_clock(Clock::fixed(1_767_225_600)), ground.reader());
        let label = if at % 2 == 0 { "before-restore" } else { "scheduled" };
        taking.spawn(async move {
            config.backup(&reader, &BackupRequest::new(label, "ana")).await.unwrap().manifest.name
        });
    }
    let mut names = taking.join_all().await;
    names.sort();
    names.dedup_by(|one, other| one.as_str()[..16] == other.as_str()[..16]);
    assert_eq!(names.len(), 6, "{names:?}");
    let config = ground.config();
    for name in names {
        config.verify(&name, VerificationLevel::Hashes).await.unwrap();
    }
}

#[tokio::test]
async fn one_that_moves_is_compared_there_and_the_newest_verified_stays() {
    let ground = Ground::filled().await;
    let config = ground.config();
    let old = ground.backup().await.name;
    let newest = ground.backup().await.name;
    config.verify(&newest, VerificationLevel::Restored).await.unwrap();
    let archive = tempfile::tempdir().unwrap();
    let folder = archive.path().join("of-2026");
    let there =
        backup::CopyTarget::read(folder.to_str().unwrap(), &mut kernel::Env::from_values([])).unwrap();
    assert!(matches!(config.move_to(&newest, &there).await.unwrap_err(), backup::Error::StaysHere(_)));
    let own = backup::CopyTarget::read(config.folder().to_str().unwrap(), &mut kernel::Env::from_values([]));
    let refused = config.move_to(&old, &own.unwrap()).await.unwrap_err();
    assert!(matches!(refused, backup::Error::SameStore(_)), "{refused}");
    config.move_to(&old, &there).await.unwrap();
    assert_eq!(config.backups().unwrap().len(), 1);
    let elsewhere = ground.with("NEXO_BACKUP_STORES", folder.to_str().unwrap()).config();
    assert_eq!(elsewhere.backups().unwrap()[0].name, old);
    elsewhere.verify(&old, VerificationLevel::Restored).await.unwrap();
}

/// Generated columns are not compared: another release of PostgreSQL may compute them differently.
#[tokio::test]
async fn generated_columns_are_not_compared_and_written_ones_are() {
    let ground = Ground::of(testkit::Database::migrated().await);
    let folded = |how: &str| {
        format!(
            "create or replace function app.folded(t text) returns text language sql immutable return {how}(t); alter function app.folded(text) owner to nexo_owner"
        )
    };
    ground.database.run(&folded("upper")).await;
    ground
        .database
        .run(
            "create table app.folds (id int primary key, name text, folded text generated always as (app.folded(name)) stored);
             alter table app.folds owner to nexo_owner; grant select on app.folds to nexo_backup;
             insert into app.folds values (1, 'Acme')",
        )
        .await;
    ground.database.run(&folded("lower")).await; // simulates a release that folds differently
    let manifest = ground.backup().await;
    assert_eq!(one::<String>(&ground.database.superuser(), "select folded from app.folds").await, "ACME");
    let beside = ground.config().restore_beside(&manifest.name, &ground.migrator(), None).await.unwrap();
    assert_eq!(one::<String>(&beside.options, "select folded from app.folds").await, "acme");
    beside.discard().await.unwrap();
    assert_eq!(manifest.origin(), Origin::Named);
    assert_eq!(ground.config().backups().unwrap()[0].standing, BackupState::Stored);
}
