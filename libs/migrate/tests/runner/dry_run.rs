//! A dry run reports locks and changes nothing.

use migrate::{DryRun, dry_run};

use crate::support::{apply, database, files, hasty, one, run};

const TABLES: (&str, &str) = (
    "20260101_0000_tables.sql",
    "create schema app; create table app.things (id int primary key, n int); create table app.others (id int primary key);",
);
const CHANGES: (&str, &str) = (
    "20260102_0000_changes.sql",
    "alter table app.things add column note text;
     alter table app.things alter column n type bigint;
     alter table app.others add column thing int references app.things (id);
     create table app.fresh (id int);
     create index ix_others on app.others (thing);",
);
const INDEX: (&str, &str) = (
    "20260103_0000_index.sql",
    "-- nexo:no-transaction\ncreate index concurrently ix_things on app.things (n);\nupdate app.things set n = 1;",
);

#[tokio::test]
async fn locks_rewrites_and_scans_are_what_the_server_says() {
    let (migrator, superuser) = database().await;
    apply(&migrator, &files(&[TABLES])).await.unwrap();
    run(&superuser, "insert into app.things select n, n from generate_series(1, 1000) n; analyze app.things")
        .await;
    let (scratch, _) = database().await;
    let all = files(&[TABLES, CHANGES, INDEX]);
    let files = dry_run(&migrator, &all, &scratch, &hasty()).await.unwrap();
    assert_eq!(files.len(), 2);
    let said = |file: usize, at: usize| told(&files[file], at);
    assert_eq!(said(0, 0), "AccessExclusiveLock app.things; rewrites ; scans ");
    assert_eq!(said(0, 1), "ShareLock app.things; rewrites app.things; scans app.things");
    for lock in ["AccessExclusiveLock app.others", "ShareRowExclusiveLock app.things"] {
        assert!(said(0, 2).contains(lock), "{}", said(0, 2)); // more locks on some releases
    }
    assert_eq!(said(0, 3), "; rewrites ; scans ", "a new table is in nobody's way");
    assert_eq!(said(0, 4), "ShareLock app.others; rewrites ; scans app.others");
    assert_eq!(said(1, 0), "ShareUpdateExclusiveLock app.things; rewrites ; scans app.things");
    assert!(said(1, 1).starts_with("RowExclusiveLock app.things"), "{}", said(1, 1));
    let size = files[0].statements[0].sizes.iter().find(|size| size.table == "app.things").unwrap();
    assert!(size.rows == Some(1000) && size.bytes > 8192, "{size:?}");
    let untouched = "select count(*) from ops.migration_history";
    assert_eq!(one::<i64>(&superuser, untouched).await, 1);
    assert!(one::<bool>(&superuser, "select to_regclass('app.fresh') is null").await);
}

fn told(file: &DryRun, at: usize) -> String {
    let trace = &file.statements[at].trace;
    let locks: Vec<_> = trace.locks.iter().map(|lock| format!("{} {}", lock.mode, lock.table)).collect();
    format!("{}; rewrites {}; scans {}", locks.join(", "), trace.rewrites.join(", "), trace.scans.join(", "))
}

#[tokio::test]
async fn a_dry_run_reports_what_would_fail() {
    let (migrator, _) = database().await;
    apply(&migrator, &files(&[TABLES])).await.unwrap();
    let (scratch, _) = database().await;
    let broken = (
        "20260102_0000_broken.sql",
        "alter table app.things add column a int;\nalter table app.nothing add column a int;",
    );
    let refused = dry_run(&migrator, &files(&[TABLES, broken]), &scratch, &hasty()).await.unwrap_err();
    assert!(refused.to_string().contains("line 2"), "{refused}");
}
