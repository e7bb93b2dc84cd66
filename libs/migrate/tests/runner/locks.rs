//! Locking between runners and other sessions.

use std::time::Duration;

use migrate::{NoHooks, RunOptions, migrate};
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::support::{TABLE, apply, database, database_of, files, hasty, one, own_cluster};

#[tokio::test]
async fn a_reader_that_never_ends_is_named_and_nothing_is_left() {
    let (migrator, superuser) = database().await;
    apply(&migrator, &files(&[TABLE])).await.unwrap();
    let mut reader = PgConnection::connect_with(&superuser.clone().application_name("report")).await.unwrap();
    reader.execute("begin; select * from app.things").await.unwrap();
    let change = (
        "20260102_0000_column.sql",
        "create table app.more (id int); alter table app.things add column name text;",
    );
    let refused =
        migrate(&migrator, &files(&[TABLE, change]), &NoHooks, &hasty()).await.unwrap_err().to_string();
    for told in [
        "statement 2",
        "In its way: pid ",
        "report",
        "select * from app.things",
        "Nothing of this file is kept",
    ] {
        assert!(refused.contains(told), "{told}: {refused}");
    }
    assert!(one::<bool>(&superuser, "select to_regclass('app.more') is null").await);
    reader.execute("commit").await.unwrap();
    apply(&migrator, &files(&[TABLE, change])).await.unwrap();
}

/// Runners poll for the lock: a snapshot held while waiting would deadlock with the index build.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_at_once_build_indexes_and_no_deadlock_is_logged() {
    let cluster = own_cluster(&["deadlock_timeout=200ms", "log_lock_waits=on"]).await;
    let (migrator, superuser) = database_of(&cluster).await;
    let index = (
        "20260103_0000_index.sql",
        "-- nexo:no-transaction\ncreate index concurrently ix_one on app.things (id);\ncreate index concurrently ix_two on app.things (id);",
    );
    let last = ("20260104_0000_more.sql", "insert into app.things values (3);");
    let mut runners = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (migrator, all) = (migrator.clone(), files(&[TABLE, index, last]));
        runners.spawn(async move {
            migrate(&migrator, &all, &NoHooks, &RunOptions::default()).await.unwrap().applied.len()
        });
    }
    assert_eq!(runners.join_all().await.iter().sum::<usize>(), 3);
    assert_eq!(one::<i64>(&superuser, "select count(*) from app.things").await, 1);
    assert_eq!(
        one::<i64>(
            &superuser,
            "select count(*) from pg_index where indrelid = 'app.things'::regclass and indisvalid"
        )
        .await,
        2
    );
    let log = std::fs::read_to_string(cluster.folder().join("postgres.log")).unwrap();
    assert!(!log.contains("deadlock"), "{log}");
}

#[tokio::test]
async fn a_lock_that_a_file_asks_less_patience_for_is_given_up_sooner() {
    let (migrator, superuser) = database().await;
    apply(&migrator, &files(&[TABLE])).await.unwrap();
    let mut reader = PgConnection::connect_with(&superuser).await.unwrap();
    reader.execute("begin; select * from app.things").await.unwrap();
    let change = (
        "20260102_0000_column.sql",
        "-- nexo:lock-timeout 60ms\nalter table app.things add column name text;",
    );
    let settings = RunOptions { attempts: 1, lock_timeout: Duration::from_secs(600), ..hasty() };
    let refused = migrate(&migrator, &files(&[TABLE, change]), &NoHooks, &settings).await.unwrap_err();
    assert!(refused.to_string().contains("lock timeout"), "{refused}");
}
