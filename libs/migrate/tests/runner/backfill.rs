//! Backfills after a migration.

use std::time::Duration;

use migrate::{BackfillLimits, Listener, Migrations, Release, RunOptions, backfill, status};
use sqlx::postgres::PgConnectOptions;

use crate::support::{apply, database, files, hasty, one, refusal, run};

const PEOPLE: (&str, &str) = (
    "20260101_0000_people.sql",
    "create schema app; create table app.people (account_id uuid, id uuid, email text, email_norm text, primary key (account_id, id));",
);
const FILL: (&str, &str) = (
    "20260102_0000_fill.sql",
    "-- nexo:backfill on app.people batch 10 pause 0ms
     update app.people set email_norm = lower(email) where account_id = $1 and id = any($2) and email_norm is null;",
);
const AFTER: (&str, &str) = (
    "20260103_0000_after.sql",
    "-- nexo:needs-backfill 20260102_0000\nalter table app.people alter column email_norm set not null;",
);

fn all() -> Migrations {
    files(&[PEOPLE, FILL])
}

async fn insert(superuser: &PgConnectOptions, accounts: u32, rows: u32) {
    let rows = format!(
        "insert into app.people select md5(a::text)::uuid, gen_random_uuid(), 'A' || n || '@B.test'
         from generate_series(1, {accounts}) a, generate_series(1, {rows}) n"
    );
    run(superuser, &rows).await;
}

const UNFILLED: &str = "select count(*) from app.people where email_norm is null";

#[tokio::test]
async fn every_row_of_every_account_is_changed_once() {
    let (migrator, superuser) = database().await;
    apply(&migrator, &all()).await.unwrap();
    insert(&superuser, 7, 33).await;
    assert_eq!(one::<i64>(&superuser, UNFILLED).await, 231, "the migration itself changes nothing");
    let told = status(&migrator, &all(), Release::ours()).await.unwrap();
    assert!(told.is_current() && !told.migrations[1].backfill.clone().unwrap().done);
    let filled = backfill(&migrator, &all(), &BackfillLimits::default(), &hasty()).await.unwrap();
    assert_eq!((filled[0].changed, filled[0].seen), (231, 462), "a second pass finds nothing to change");
    assert_eq!(one::<i64>(&superuser, UNFILLED).await, 0);
    assert!(backfill(&migrator, &all(), &BackfillLimits::default(), &hasty()).await.unwrap().is_empty());
    assert!(apply(&migrator, &all()).await.unwrap().applied.is_empty(), "the history is whole");
}

/// Aborts the backfill like a killed process, while rows are inserted before and after its position.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backfill_that_was_ended_goes_on_while_rows_come_in() {
    let (migrator, superuser) = database().await;
    apply(&migrator, &all()).await.unwrap();
    insert(&superuser, 3, 200).await;
    let kept = "select coalesce((backfill ->> 'changed')::bigint, 0) from ops.migration_history where version = '20260102_0000'";
    let patient = || RunOptions { lock_wait: Duration::from_secs(20), ..hasty() };
    for _ in 0..3 {
        let slow = BackfillLimits { batch: Some(25), pause: Some(Duration::from_millis(50)) };
        let (database, settings) = (migrator.clone(), patient());
        let seen: i64 = one(&superuser, kept).await;
        let running = tokio::spawn(async move { backfill(&database, &all(), &slow, &settings).await });
        while !running.is_finished() && one::<i64>(&superuser, kept).await == seen {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        insert(&superuser, 5, 20).await;
    }
    let before: i64 = one(&superuser, kept).await;
    assert!(before > 0, "it remembers");
    let filled = backfill(&migrator, &all(), &BackfillLimits::default(), &patient()).await.unwrap();
    assert_eq!(one::<i64>(&superuser, UNFILLED).await, 0);
    assert_eq!(filled[0].changed, 900, "each row once: {before} before the last start");
}

#[tokio::test]
async fn a_file_that_needs_a_backfill_waits_for_it() {
    let (migrator, superuser) = database().await;
    let three = files(&[PEOPLE, FILL, AFTER]);
    apply(&migrator, &all()).await.unwrap();
    insert(&superuser, 1, 3).await;
    let refused = refusal(&migrator, &three).await;
    assert!(refused.contains("nexo db backfill"), "{refused}");
    backfill(&migrator, &three, &BackfillLimits::default(), &hasty()).await.unwrap();
    apply(&migrator, &three).await.unwrap();
    let (fresh, _) = database().await;
    apply(&fresh, &three).await.unwrap(); // nothing to wait for in an empty table
}

#[tokio::test]
async fn a_batch_that_changes_more_than_its_rows_is_rolled_back() {
    let (migrator, superuser) = database().await;
    let greedy = (
        FILL.0,
        "-- nexo:backfill on app.people batch 10 pause 0ms
        update app.people set email_norm = 'x' where account_id = $1 or id = any($2);",
    );
    apply(&migrator, &files(&[PEOPLE, greedy])).await.unwrap();
    insert(&superuser, 1, 20).await;
    let refused = backfill(&migrator, &files(&[PEOPLE, greedy]), &BackfillLimits::default(), &hasty())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("changed 20 rows in a batch of 10"), "{refused}");
    assert_eq!(one::<i64>(&superuser, UNFILLED).await, 20);
}

#[tokio::test]
async fn a_backfill_that_is_none_is_refused_when_it_is_read() {
    for text in [
        "-- nexo:backfill on app.people batch 10 pause 0ms\nupdate app.people set a = 1;",
        "-- nexo:backfill on people batch 10 pause 0ms\nupdate app.people set a = 1 where account_id = $1 and id = any($2);",
        "-- nexo:backfill on app.people batch 0 pause 0ms\nupdate app.people set a = 1 where account_id = $1 and id = any($2);",
        "-- nexo:backfill on app.people batch 10 pause 0ms\ndelete from app.people where account_id = $1 and id = any($2);",
    ] {
        assert!(crate::support::try_files(&[("20260102_0000_fill.sql", text)]).is_err(), "{text}");
    }
}

#[tokio::test]
async fn progress_is_reported() {
    let (migrator, superuser) = database().await;
    apply(&migrator, &all()).await.unwrap();
    insert(&superuser, 1, 20).await;
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let listener = Listener::new(move |event| told.send(event.to_string()).unwrap());
    backfill(&migrator, &all(), &BackfillLimits::default(), &RunOptions { listener, ..hasty() })
        .await
        .unwrap();
    assert_eq!(heard.recv().await.unwrap().trim(), "backfill 20260102_0000: 10 rows seen, 10 changed");
}
