//! A backup in the place of the live database.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use backup::{Error, sweep, undo};
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
    let swapped = beside.swap_in(&config).await.unwrap();
    assert_eq!(one::<i64>(&live, CLIENTS).await, 1200);
    assert_eq!(one::<i64>(&live.clone().database(&swapped.kept), CLIENTS).await, left);
    let service = ground.database.role("nexo_app");
    assert_eq!(one::<i64>(&service, CLIENTS).await, 0, "row security holds in what was restored");
    assert_eq!(db::verify_isolation(&live).await.unwrap(), vec![]);
    undo(&config, &live).await.unwrap();
    assert_eq!(one::<i64>(&live, CLIENTS).await, left);
    assert!(matches!(undo(&config, &live).await.unwrap_err(), Error::NothingToUndo(_)));
    assert!(sweep(&live, false).await.unwrap().is_empty(), "the newest one stays");
}

/// As an older release made it: one that gave `nexo_backup` every table by a role that reads passwords as well. And what only a
/// superuser can take away stays away.
#[tokio::test]
async fn what_was_restored_can_be_backed_up_and_takes_no_large_objects() {
    let cluster = testkit::throw_away(&[]).await;
    let ground = Ground::of(testkit::Database::empty(&cluster).await);
    let live = ground.migrator();
    let migrations = migrate::Migrations::embedded().unwrap();
    migrate::migrate(&live, &migrations, &migrate::NoHooks, &migrate::Settings::default()).await.unwrap();
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
    beside.swap_in(&ground.config()).await.unwrap();
    assert_eq!(db::verify_isolation(&live).await.unwrap(), vec![]);
    ground.backup().await;
}

/// 20 people who connect and ask all the time.
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
    let swapped = beside.swap_in(&config).await.unwrap();
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
