//! Replacement of the live database by a restored backup.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use backup::{Error, Exclusive, Kind, LOCK_TIMEOUT};
use sqlx::{Connection as _, PgConnection};

use crate::support::{Ground, one};

const CLIENTS: &str = "select count(*) from app.clients";

#[tokio::test]
async fn what_was_is_live_again_and_the_undo_brings_back_what_is() {
    let ground = Ground::filled().await;
    let (config, live) = (ground.config(), ground.migrator());
    let manifest = ground.backup().await;
    ground.database.run("delete from app.clients where name like 'Client 1%'").await;
    let left: i64 = one(&ground.database.superuser(), CLIENTS).await;
    let beside = config.restore_beside(&manifest.name, &live, None).await.unwrap();
    assert_eq!(one::<i64>(&beside.options, CLIENTS).await, 1200);
    assert_eq!(one::<i64>(&live, CLIENTS).await, left, "nobody noticed yet");
    let swapped = beside.swap_in(&config, "a test").await.unwrap();
    assert_eq!(one::<i64>(&live, CLIENTS).await, 1200);
    assert_eq!(one::<i64>(&live.clone().database(&swapped.kept), CLIENTS).await, left);
    let service = ground.database.role("nexo_app");
    assert_eq!(one::<i64>(&service, CLIENTS).await, 0, "row security holds in what was restored");
    assert_eq!(db::verify_isolation(&live).await.unwrap(), vec![]);
    assert_eq!(undo(&ground).await, "a test");
    assert_eq!(one::<i64>(&live, CLIENTS).await, left);
    assert_eq!(undo(&ground).await, "an undo", "and an undo is undone by another one");
    assert_eq!(one::<i64>(&live, CLIENTS).await, 1200);
    undo(&ground).await;
    assert_eq!(one::<i64>(&live, CLIENTS).await, left);
}

async fn alone(ground: &Ground) -> Exclusive {
    Exclusive::enter(&ground.migrator(), "a test", LOCK_TIMEOUT, |_| ()).await.unwrap()
}

/// Undoes the last swap; returns the reason stored with the database that becomes live again.
async fn undo(ground: &Ground) -> String {
    let mut exclusive = alone(ground).await;
    let before = exclusive.before(None).await.unwrap();
    exclusive.undo(&ground.config(), &before, "an undo").await.unwrap();
    exclusive.leave().await.unwrap();
    before.reason.unwrap()
}

/// Several swaps within a second, also with a clock that stands still or goes backwards.
#[tokio::test]
async fn databases_that_are_kept_are_listed_and_go_after_a_week_by_the_newest_backup() {
    let ground = Ground::filled().await;
    let clock = kernel::Clock::fixed(1_767_225_600); // 2026-01-01
    let (config, live) = (ground.config().with_clock(clock.clone()), ground.migrator());
    let refused = alone(&ground).await.before(None).await.unwrap_err();
    assert!(matches!(refused, Error::NothingToUndo(_)), "{refused}");
    let order = backup::BackupRequest::new("scheduled", "ana");
    let name = config.backup(&ground.reader(), &order).await.unwrap().manifest.name;
    for _ in 0..2 {
        let beside = config.restore_beside(&name, &live, None).await.unwrap();
        beside.swap_in(&config, "a restore").await.unwrap();
    }
    let look = format!("{}_look", live.get_database().unwrap());
    config.restore_beside(&name, &live, Some(&look)).await.unwrap().keep().await.unwrap();
    let refused = config.restore_beside(&name, &live, Some(&look)).await.err().unwrap();
    assert!(matches!(&refused, Error::Taken(taken) if *taken == look), "{refused}");
    let mut exclusive = alone(&ground).await;
    let kept = exclusive.kept().await.unwrap();
    let kinds: Vec<Kind> = kept.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Kind::Before, Kind::Before, Kind::Into], "{kept:?}");
    assert!(kept[0].at > kept[1].at, "the one that was live last comes first: {kept:?}");
    let newest = config.newest_at().unwrap();
    assert!(exclusive.outlived(newest).await.unwrap().is_empty());
    clock.advance(Duration::from_secs(8 * 86_400));
    assert!(
        exclusive.outlived(config.newest_at().unwrap()).await.unwrap().is_empty(),
        "a clock that jumps drops nothing"
    );
    config.backup(&ground.reader(), &order).await.unwrap();
    let session = PgConnection::connect_with(&live.clone().database(&look)).await.unwrap();
    let old = exclusive.outlived(config.newest_at().unwrap()).await.unwrap();
    assert_eq!(old.len(), 2, "one that somebody is in stays: {old:?}");
    for one in &old {
        exclusive.drop_kept(&one.database).await.unwrap();
    }
    assert!(matches!(exclusive.drop_kept(&look).await.unwrap_err(), Error::HasSessions(_)));
    session.close().await.unwrap();
    let other = live.get_database().unwrap().to_owned();
    assert!(matches!(exclusive.drop_kept(&other).await.unwrap_err(), Error::NotKept(_)), "nor the live one");
    exclusive.drop_kept(&look).await.unwrap();
    assert!(exclusive.kept().await.unwrap().is_empty());
}

/// With the backup's due times every job would be due at once; and the operator log must survive a restore.
#[tokio::test]
async fn the_operators_log_and_the_schedule_come_along() {
    let ground = Ground::filled().await;
    let (config, live) = (ground.config(), ground.migrator());
    let note = |id: &str, outcome: &str| {
        format!(
            "insert into ops.operator_log values (md5('{id}')::uuid, now(), 'ana', 'o', '{{}}', 'confirmed', '{outcome}')"
        )
    };
    ground.database.run(&note("before", "begun")).await;
    let manifest = ground.backup().await;
    ground.database.run(&note("since", "done")).await;
    ground.database.run("update ops.operator_log set outcome = 'done'; insert into ops.schedule values ('backup', '2030-01-01', null)").await;
    let beside = config.restore_beside(&manifest.name, &live, None).await.unwrap();
    beside.swap_in(&config, "a test").await.unwrap();
    let log = "select string_agg(outcome, ' ') from ops.operator_log";
    assert_eq!(one::<String>(&live, log).await, "done done");
    assert_eq!(one::<String>(&live, "select next_at::date::text from ops.schedule").await, "2030-01-01");
    ground.database.run(&note("after", "done")).await;
    undo(&ground).await;
    assert_eq!(one::<String>(&live, log).await, "done done done");
}

/// The second restore learns the lock holder and waits; the lock survives the swap.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_restores_exclude_each_other_and_a_migration_is_not_ended() {
    let ground = Ground::filled().await;
    let (config, live) = (ground.config(), ground.migrator());
    let manifest = ground.backup().await;
    let beside = config.restore_beside(&manifest.name, &live, None).await.unwrap();
    let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let waiting = live.clone();
    let second = tokio::spawn(async move {
        let tell = |holder: &migrate::LockHolder| told.send(holder.application.clone()).unwrap();
        Exclusive::enter(&waiting, "the second", LOCK_TIMEOUT, tell).await
    });
    assert_eq!(hears.recv().await.unwrap(), "nexo restore");
    beside.swap_in(&config, "a test").await.unwrap();
    let second = second.await.unwrap().unwrap();
    let mut migrating = PgConnection::connect_with(&live).await.unwrap();
    sqlx::query("select pg_advisory_lock($1)")
        .bind(migrate::MIGRATION_LOCK)
        .execute(&mut migrating)
        .await
        .unwrap();
    let idle = tokio::time::timeout(Duration::from_secs(1), second.insist_idle()).await;
    assert!(idle.is_err(), "it waits for the migration");
    migrating.close().await.unwrap();
    second.insist_idle().await.unwrap();
}

/// Database of an older release, which granted `nexo_backup` access to all tables by a role that can also read
/// passwords. Objects that only a superuser can remove must stay removed.
#[tokio::test]
async fn what_was_restored_can_be_backed_up_and_takes_no_large_objects() {
    let cluster = testkit::ephemeral(&[]).await;
    let ground = Ground::of(testkit::Database::empty(&cluster).await);
    let live = ground.migrator();
    let migrations = migrate::Migrations::embedded().unwrap();
    migrate::migrate(&live, &migrations, &migrate::NoHooks, &migrate::RunOptions::default()).await.unwrap();
    let older = "grant pg_read_all_data to nexo_backup; set role nexo_migrator;
        revoke select on all tables in schema app, app_parts, ops from nexo_backup;
        revoke usage on schema app, app_parts, ops, ext from nexo_backup;
        alter default privileges revoke select on tables from nexo_backup;
        alter default privileges revoke select on sequences from nexo_backup;
        alter default privileges revoke usage on schemas from nexo_backup";
    ground.database.run(older).await;
    let manifest = ground.backup().await;
    ground.database.run("revoke pg_read_all_data from nexo_backup").await;
    let beside = ground.config().restore_beside(&manifest.name, &live, None).await.unwrap();
    let writes = "select has_function_privilege('nexo_app', 'lo_from_bytea(oid, bytea)', 'execute')";
    assert!(!one::<bool>(&beside.options, writes).await, "large objects can be made in what was restored");
    beside.swap_in(&ground.config(), "a test").await.unwrap();
    assert_eq!(db::verify_isolation(&live).await.unwrap(), vec![]);
    ground.backup().await;
}

/// 20 clients connect and query continuously.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_live_sessions_the_gap_is_short_and_every_answer_is_of_one_of_the_two() {
    let ground = Ground::filled().await;
    let (config, live) = (ground.config(), ground.migrator());
    let manifest = ground.backup().await;
    ground.database.run("delete from app.clients where name = 'Client 1'").await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut people = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (live, stop) = (live.clone(), Arc::clone(&stop));
        people.spawn(async move {
            let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
            while !stop.load(Ordering::Relaxed) {
                let Ok(mut conn) = PgConnection::connect_with(&live).await else { continue };
                while let Ok((count,)) = sqlx::query_as::<_, (i64,)>(CLIENTS).fetch_one(&mut conn).await {
                    assert!(count == 1200 || count == 1197, "{count}");
                    longest = longest.max(last.elapsed());
                    last = Instant::now();
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            longest
        });
    }
    let beside = config.restore_beside(&manifest.name, &live, None).await.unwrap();
    let swapped = beside.swap_in(&config, "a test").await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::Relaxed);
    let longest = people.join_all().await.into_iter().max().unwrap();
    assert!(swapped.gap_ms <= 500, "{swapped:?}; the longest that one of 20 waited: {longest:?}");
    assert_eq!(one::<i64>(&live, CLIENTS).await, 1200);
}

#[tokio::test]
async fn what_a_restore_left_that_was_killed_is_taken_away_by_the_next() {
    let ground = Ground::filled().await;
    let live = ground.migrator();
    let manifest = ground.backup().await;
    let leftover = format!("{}_side_20200101000000", live.get_database().unwrap());
    ground.database.run(&format!("create database {leftover} owner nexo_owner")).await;
    let beside = ground.config().restore_beside(&manifest.name, &live, None).await.unwrap();
    beside.discard().await.unwrap();
    let prefix = format!(
        "select count(*) from pg_database where starts_with(datname, '{}')",
        live.get_database().unwrap()
    );
    assert_eq!(one::<i64>(&ground.database.superuser(), &prefix).await, 1);
}
