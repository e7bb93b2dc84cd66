//! A busy table: a migration waits for its lock without blocking other readers. In a file of its own, so that no other
//! test runs concurrently.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use sqlx::{Connection as _, Executor as _, PgConnection};
use testkit::Database;

/// Long enough for several attempts of the migration, all of which must give way; so the test takes this time.
const HELD: Duration = Duration::from_secs(8);
const MOST: Duration = Duration::from_millis(600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_eight_seconds_keeps_no_other_reader_waiting() {
    let cluster = testkit::ephemeral(&[]).await;
    let database = Database::empty(&cluster).await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("20260101_0000_things.sql", "create schema app; create table app.things (id int);");
    let migrate = || {
        let mut nexo = Command::new(env!("CARGO_BIN_EXE_nexo"));
        nexo.env_clear()
            .envs(database.settings("nexo_app"))
            .env("NEXO_MIGRATE_WITHOUT_BACKUP", "a test")
            .args(["db", "migrate", "--lock-timeout", "500ms", "--migrations"]);
        nexo.arg(folder.path());
        nexo
    };
    assert!(migrate().output().unwrap().status.success());
    write("20260102_0000_column.sql", "alter table app.things add column name text;");

    let mut holder = PgConnection::connect_with(&database.superuser()).await.unwrap();
    holder.execute("begin; select * from app.things").await.unwrap();
    let start = Instant::now();
    let mut nexo = migrate();
    let migrating = tokio::task::spawn_blocking(move || nexo.output().unwrap());
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let superuser = database.superuser();
        readers.spawn(async move {
            let mut reader = PgConnection::connect_with(&superuser).await.unwrap();
            let mut longest = Duration::ZERO;
            while start.elapsed() < HELD + Duration::from_secs(1) {
                let asked = Instant::now();
                reader.execute("select * from app.things").await.unwrap();
                longest = longest.max(asked.elapsed());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            longest
        });
    }
    tokio::time::sleep(HELD).await;
    assert!(!migrating.is_finished(), "it waits for the one who holds the table");
    holder.execute("commit").await.unwrap();
    let done = migrating.await.unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success() && said.contains("gave way"), "{said}");
    let longest = readers.join_all().await.into_iter().max().unwrap();
    assert!(longest < MOST, "a reader waited {longest:?}");
    assert!(longest > Duration::from_millis(400), "the migration did stand in somebody's way: {longest:?}");
}
