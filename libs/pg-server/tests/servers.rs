//! Tests with real servers.
#![expect(clippy::unwrap_used, reason = "a test should fail where it fails")]

use std::{env, path::PathBuf, process::Command, time::Duration};

use pg_server::{Binaries, Cluster, Error};
use sqlx::{Connection as _, Executor as _, PgConnection};

fn binaries() -> Binaries {
    Binaries::find(env::var_os("NEXO_POSTGRES_BIN").map(PathBuf::from).as_deref()).unwrap()
}

async fn run(cluster: &Cluster, statement: &'static str) {
    let mut conn = PgConnection::connect_with(&cluster.superuser("postgres")).await.unwrap();
    conn.execute(statement).await.unwrap();
    conn.close().await.unwrap();
}

#[tokio::test]
async fn a_server_keeps_its_data_from_one_start_to_the_next() {
    let home = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap();
    let first = Cluster::start(home.path(), binaries()).await.unwrap();
    run(&first, "create table kept ()").await;
    assert!(matches!(Cluster::start(home.path(), binaries()).await, Err(Error::InUse(_))));
    let port = first.port();
    first.stop().await.unwrap();
    let second = Cluster::start(home.path(), binaries()).await.unwrap();
    assert_eq!(second.port(), port);
    run(&second, "table kept").await;
    second.stop().await.unwrap();
}

#[tokio::test]
async fn what_a_killed_process_left_is_put_right() {
    if let Some(home) = env::var_os("NEXO_TEST_ABANDON") {
        let cluster = Cluster::start(home.as_ref(), binaries()).await.unwrap();
        run(&cluster, "create table kept ()").await;
        std::process::abort(); // the server keeps running
    }
    let home = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap();
    let killed = again("what_a_killed_process_left_is_put_right", "NEXO_TEST_ABANDON", home.path());
    assert!(!killed.success());
    assert!(home.path().join("postgres/data/postmaster.pid").exists(), "the server still runs");
    let cluster = Cluster::start(home.path(), binaries()).await.unwrap();
    run(&cluster, "table kept").await;
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_crashed_server_recovers() {
    let mut cluster =
        Cluster::ephemeral(binaries(), &["fsync=on", "full_page_writes=on", "synchronous_commit=on"])
            .await
            .unwrap();
    run(&cluster, "create table kept ()").await;
    cluster.crash().await.unwrap();
    cluster.start_again().await.unwrap();
    run(&cluster, "table kept").await;
}

#[tokio::test]
async fn a_throw_away_server_goes_with_its_process() {
    if let Some(told) = env::var_os("NEXO_TEST_TELL") {
        let cluster = Cluster::ephemeral(binaries(), &[]).await.unwrap();
        std::fs::write(told, format!("{} {}", cluster.port(), cluster.folder().display())).unwrap();
        std::process::abort();
    }
    let told = tempfile::NamedTempFile::new().unwrap();
    again("a_throw_away_server_goes_with_its_process", "NEXO_TEST_TELL", told.path());
    let told = std::fs::read_to_string(told.path()).unwrap();
    let (port, folder) = told.split_once(' ').unwrap();
    for _ in 0..200 {
        let listens = std::net::TcpStream::connect(("127.0.0.1", port.parse().unwrap())).is_ok();
        if !listens && !PathBuf::from(folder).exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{folder} is still there, or its server");
}

/// Runs one test of this file in a separate process.
fn again(test: &str, variable: &str, value: &std::path::Path) -> std::process::ExitStatus {
    Command::new(env::current_exe().unwrap()).args(["--exact", test]).env(variable, value).status().unwrap()
}
