//! Application of migrations: what is applied, when, and by which process.

use std::{path::PathBuf, sync::Mutex, time::Duration};

use async_trait::async_trait;
use migrate::{
    Error, HookError, Hooks, MIGRATION_LOCK, Migration, Migrations, NoHooks, Release, RunOptions, State,
    TakenBackup, migrate, status, wait,
};
use sqlx::{Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};

use crate::support::{ROWS, TABLE, database, files, hasty, one, run, try_files};

#[tokio::test]
async fn a_migration_is_applied_once_and_belongs_to_the_owner() {
    let (migrator, superuser) = database().await;
    let outcome = migrate(&migrator, &files(&[TABLE, ROWS]), &NoHooks, &hasty()).await.unwrap();
    assert_eq!(outcome.applied.len(), 2);
    let again = migrate(&migrator, &files(&[TABLE, ROWS]), &NoHooks, &hasty()).await.unwrap();
    assert_eq!(again.applied.len(), 0);
    assert_eq!(one::<i64>(&superuser, "select count(*) from app.things").await, 2);
    assert_eq!(
        one::<String>(&superuser, "select tableowner::text from pg_tables where tablename = 'things'").await,
        "nexo_owner"
    );
    assert_eq!(
        one::<String>(&superuser, "select applied_by || ' ' || success from ops.migration_history limit 1")
            .await,
        "nexo_migrator true"
    );
    assert!(status(&migrator, &files(&[TABLE, ROWS]), Release::ours()).await.unwrap().is_current());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_at_once_apply_each_migration_once() {
    let (migrator, superuser) = database().await;
    let index = (
        "20260103_0000_index.sql",
        "-- nexo:no-transaction\ncreate index concurrently ix_things on app.things (id);",
    );
    let last = ("20260104_0000_more.sql", "insert into app.things values (3);");
    let mut runners = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (migrator, all) = (migrator.clone(), files(&[TABLE, ROWS, index, last]));
        runners.spawn(async move {
            migrate(&migrator, &all, &NoHooks, &RunOptions::default()).await.unwrap().applied.len()
        });
    }
    let applied: usize = runners.join_all().await.iter().sum();
    assert_eq!(applied, 4);
    assert_eq!(one::<i64>(&superuser, "select count(*) from app.things").await, 3);
    assert!(
        one::<bool>(
            &superuser,
            "select indisvalid from pg_index where indexrelid = 'app.ix_things'::regclass"
        )
        .await
    );
}

#[tokio::test]
async fn a_file_that_is_not_what_was_applied_is_refused_by_name() {
    let (migrator, _) = database().await;
    migrate(&migrator, &files(&[TABLE, ROWS]), &NoHooks, &hasty()).await.unwrap();
    let crlf = TABLE.1.replace('\n', "\r\n");
    migrate(&migrator, &files(&[(TABLE.0, &format!("\u{feff}{crlf}")), ROWS]), &NoHooks, &hasty())
        .await
        .unwrap();
    for (changed, told) in [
        (files(&[(TABLE.0, "select 1;"), ROWS]), "20260101_0000_things.sql was edited"),
        (files(&[TABLE]), "20260102_0000_rows.sql, which this program does not know"),
        (files(&[TABLE, ROWS, ("20260101_1200_late.sql", "select 1;")]), "20260101_1200_late.sql is older"),
    ] {
        let refused = migrate(&migrator, &changed, &NoHooks, &hasty()).await.unwrap_err().to_string();
        assert!(refused.contains(told), "{refused}");
        let refused =
            wait(&migrator, &changed, Release::ours(), Duration::ZERO).await.unwrap_err().to_string();
        assert!(refused.contains(told), "{refused}");
        assert!(!status(&migrator, &changed, Release::ours()).await.unwrap().is_current());
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_a_migration_is_refused_by_name() {
    for (name, text, told) in [
        ("first.sql", "select 1", "first.sql: its name"),
        ("20260101_0000_a.sql", "", "20260101_0000_a.sql: it has no statement"),
        ("20260101_0000_a.down.sql", "select 1", "20260101_0000_a.down.sql: there is no migration"),
        ("20260101_0000_a.sql", "select 1;\nselect 'a", "20260101_0000_a.sql: line 2"),
        ("20260101_0000_a.sql", "\\i other.sql", "20260101_0000_a.sql: line 1: psql"),
        ("20260101_0000_a.sql", "commit;", "20260101_0000_a.sql: line 1: a migration must not say `commit`"),
    ] {
        let refused = try_files(&[(name, text)]).unwrap_err().to_string();
        assert!(refused.contains(told), "{refused}");
    }
    let twice = try_files(&[("20260101_0000_a.sql", "select 1"), ("20260101_0000_b.sql", "select 1")]);
    assert!(twice.unwrap_err().to_string().contains("20260101_0000_a.sql has the same version"));
    let bytes =
        Migrations::from_files([("20260101_0000_a.sql".to_owned(), vec![0xff])]).unwrap_err().to_string();
    assert!(bytes.contains("not UTF-8"), "{bytes}");
}

#[tokio::test]
async fn a_statement_that_fails_leaves_nothing_and_is_reported() {
    let (migrator, superuser) = database().await;
    let broken = (
        "20260102_0000_rows.sql",
        "insert into app.things values (1);\n\ninsert into app.nothing values (1);",
    );
    let refused =
        migrate(&migrator, &files(&[TABLE, broken]), &NoHooks, &hasty()).await.unwrap_err().to_string();
    assert!(refused.contains("line 3 (statement 2)"), "{refused}");
    assert_eq!(one::<i64>(&superuser, "select count(*) from app.things").await, 0);
    let line =
        status(&migrator, &files(&[TABLE, broken]), Release::ours()).await.unwrap().migrations.remove(1);
    assert!(matches!(line.state, State::Failed { statement: 2, error: Some(_), known: true }), "{line:?}");
    migrate(&migrator, &files(&[TABLE, ROWS]), &NoHooks, &hasty()).await.unwrap(); // put right, it may be tried again
}

#[tokio::test]
async fn a_file_without_transaction_goes_on_where_it_broke_off() {
    let (migrator, superuser) = database().await;
    let broken = (
        "20260102_0000_rows.sql",
        "-- nexo:no-transaction\ninsert into app.things values (1);\nselect 1 / count(*) from app.ready;",
    );
    migrate(&migrator, &files(&[TABLE, broken]), &NoHooks, &hasty()).await.unwrap_err();
    let refused =
        migrate(&migrator, &files(&[TABLE, broken]), &NoHooks, &hasty()).await.unwrap_err().to_string();
    assert!(refused.contains("statement 2") && refused.contains("goes on with this one"), "{refused}");
    let edited = ("20260102_0000_rows.sql", "-- nexo:no-transaction\nselect 1;\nselect 2;");
    let refused =
        migrate(&migrator, &files(&[TABLE, edited]), &NoHooks, &hasty()).await.unwrap_err().to_string();
    assert!(refused.contains("edited after its first 1 statements"), "{refused}");
    run(&superuser, "create table app.ready as select 1; grant select on app.ready to nexo_migrator").await;
    migrate(&migrator, &files(&[TABLE, broken]), &NoHooks, &hasty()).await.unwrap();
    assert_eq!(one::<i64>(&superuser, "select count(*) from app.things").await, 1, "done once");
}

#[tokio::test]
async fn what_was_to_be_true_and_is_not_takes_the_file_back() {
    let (migrator, superuser) = database().await;
    let doubtful = (
        "20260102_0000_rows.sql",
        "insert into app.things values (1);\n-- nexo:verify\nselect true;\nselect count(*) = 2 from app.things;",
    );
    let refused =
        migrate(&migrator, &files(&[TABLE, doubtful]), &NoHooks, &hasty()).await.unwrap_err().to_string();
    assert!(refused.contains("line 4") && refused.contains("count(*) = 2"), "{refused}");
    assert_eq!(one::<i64>(&superuser, "select count(*) from app.things").await, 0);
}

#[tokio::test]
async fn the_holder_of_the_lock_is_named() {
    let (migrator, _) = database().await;
    let mut holder =
        PgConnection::connect_with(&migrator.clone().application_name("somebody")).await.unwrap();
    sqlx::query("select pg_advisory_lock($1)").bind(MIGRATION_LOCK).execute(&mut holder).await.unwrap();
    let refused = migrate(&migrator, &files(&[TABLE]), &NoHooks, &hasty()).await.unwrap_err().to_string();
    assert!(refused.contains("somebody") && refused.contains("pid"), "{refused}");
    assert!(status(&migrator, &files(&[TABLE]), Release::ours()).await.unwrap().lock.is_some());
    holder.close().await.unwrap();
    migrate(&migrator, &files(&[TABLE]), &NoHooks, &hasty()).await.unwrap();
}

#[tokio::test]
async fn a_busy_table_is_tried_again_until_it_is_free() {
    let (migrator, superuser) = database().await;
    migrate(&migrator, &files(&[TABLE]), &NoHooks, &hasty()).await.unwrap();
    let mut reader = PgConnection::connect_with(&superuser).await.unwrap();
    reader.execute("begin; select * from app.things").await.unwrap();
    let change = ("20260102_0000_column.sql", "alter table app.things add column name text;");
    let refused =
        migrate(&migrator, &files(&[TABLE, change]), &NoHooks, &hasty()).await.unwrap_err().to_string();
    assert!(refused.contains("lock timeout"), "{refused}");
    let patient = RunOptions { attempts: 50, ..hasty() };
    let done =
        tokio::spawn(async move { migrate(&migrator, &files(&[TABLE, change]), &NoHooks, &patient).await });
    tokio::time::sleep(Duration::from_millis(400)).await;
    reader.execute("commit").await.unwrap();
    assert_eq!(done.await.unwrap().unwrap().applied.len(), 1);
}

#[tokio::test]
async fn a_service_waits_until_the_migrations_are_applied() {
    let (migrator, _) = database().await;
    let service = migrator.clone().username("nexo_app");
    let refused =
        wait(&service, &files(&[TABLE]), Release::ours(), Duration::from_millis(100)).await.unwrap_err();
    assert!(matches!(refused, Error::NotReady { .. }), "{refused}");
    let waiting = tokio::spawn(async move {
        wait(&service, &files(&[TABLE]), Release::ours(), Duration::from_secs(20)).await
    });
    migrate(&migrator, &files(&[TABLE]), &NoHooks, &hasty()).await.unwrap();
    waiting.await.unwrap().unwrap();
}

#[derive(Default)]
struct Told {
    calls: Mutex<Vec<String>>,
    refuse: bool,
}

#[async_trait]
impl Hooks for Told {
    async fn before(
        &self,
        _: &PgConnectOptions,
        pending: &[&Migration],
    ) -> Result<Option<TakenBackup>, HookError> {
        self.calls.lock().unwrap().push(format!("before {}", pending.len()));
        if self.refuse { Err("the disk is full".into()) } else { Ok(None) }
    }

    async fn after(&self, _: &PgConnectOptions, applied: &[&Migration]) -> Result<(), HookError> {
        self.calls.lock().unwrap().push(format!("after {}", applied.len()));
        Ok(())
    }
}

#[tokio::test]
async fn hooks_stand_around_what_changes_a_database_that_holds_something() {
    let (migrator, superuser) = database().await;
    let told = Told::default();
    migrate(&migrator, &files(&[TABLE]), &told, &hasty()).await.unwrap();
    assert!(told.calls.lock().unwrap().is_empty(), "an empty database needs no backup");
    migrate(&migrator, &files(&[TABLE]), &told, &hasty()).await.unwrap();
    assert!(told.calls.lock().unwrap().is_empty(), "nothing was pending");
    let refusing = Told { refuse: true, ..Told::default() };
    let refused =
        migrate(&migrator, &files(&[TABLE, ROWS]), &refusing, &hasty()).await.unwrap_err().to_string();
    assert!(refused.contains("the disk is full"), "{refused}");
    assert_eq!(one::<i64>(&superuser, "select count(*) from app.things").await, 0);
    migrate(&migrator, &files(&[TABLE, ROWS]), &told, &hasty()).await.unwrap();
    assert_eq!(*told.calls.lock().unwrap(), ["before 1", "after 1"]);
}

#[tokio::test]
async fn our_own_migrations_are_what_the_history_says() {
    let (migrator, _) = database().await;
    let embedded = Migrations::embedded().unwrap();
    migrate(&migrator, &embedded, &NoHooks, &RunOptions::default()).await.unwrap();
    let from_folder =
        Migrations::read(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../migrations")).unwrap();
    assert!(status(&migrator, &from_folder, Release::ours()).await.unwrap().is_current());
    assert_eq!(db::verify_isolation(&migrator).await.unwrap(), vec![]);
}
