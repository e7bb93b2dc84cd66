//! Lost connections and stopped servers at the worst moments.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use migrate::{NoHooks, RunOptions, migrate};
use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf},
};

use crate::support::{TABLE, database, database_of, files, one, own_cluster};

/// A file whose COMMIT triggers the lost connection.
const MARKED: (&str, &str) = (
    "20260102_0000_rows.sql",
    "insert into app.things values (1); insert /* marked */ into app.things values (2);",
);

/// Time at which the connection breaks: before the server receives the COMMIT, or after, so that the response is
/// lost.
#[derive(Clone, Copy, PartialEq)]
enum Moment {
    Before,
    After,
}

const QUIET: u8 = 0;
const ARMED: u8 = 1;
const DONE: u8 = 2;

/// Proxy between runner and server that breaks one connection at one COMMIT.
async fn proxy(server: &PgConnectOptions, moment: Moment) -> (PgConnectOptions, Arc<AtomicU8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, upstream) = (listener.local_addr().unwrap().port(), server.get_port());
    let state = Arc::new(AtomicU8::new(QUIET));
    let shared = Arc::clone(&state);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", upstream)).await.unwrap();
            let ((from_client, mut to_client), (mut from_server, to_server)) =
                (client.into_split(), server.into_split());
            let answers =
                tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            let state = Arc::clone(&shared);
            tokio::spawn(async move {
                forward(from_client, to_server, &state, moment).await;
                answers.abort();
            });
        }
    });
    (server.clone().port(port), state)
}

async fn forward(
    mut client: OwnedReadHalf,
    mut server: tokio::net::tcp::OwnedWriteHalf,
    state: &AtomicU8,
    moment: Moment,
) {
    let mut buffer = vec![0; 65_536];
    while let Ok(length @ 1..) = client.read(&mut buffer).await {
        let bytes = &buffer[..length];
        let says = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        if says(b"marked") {
            let _ = state.compare_exchange(QUIET, ARMED, Ordering::SeqCst, Ordering::SeqCst); // once
        }
        let now = says(b"commit") && state.load(Ordering::SeqCst) == ARMED;
        if !(now && moment == Moment::Before) && server.write_all(bytes).await.is_err() {
            return;
        }
        if now {
            state.store(DONE, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(100)).await; // the server commits; its response is dropped
            return;
        }
    }
}

#[tokio::test]
async fn a_connection_cut_exactly_at_commit_applies_once() {
    for moment in [Moment::Before, Moment::After] {
        let (migrator, superuser) = database().await;
        let (through, state) = proxy(&migrator, moment).await;
        let outcome =
            migrate(&through, &files(&[TABLE, MARKED]), &NoHooks, &RunOptions::default()).await.unwrap();
        assert_eq!(state.load(Ordering::SeqCst), DONE, "the connection was cut");
        assert_eq!(outcome.applied.len(), 2);
        assert_eq!(one::<i64>(&superuser, "select count(*) from app.things").await, 2);
        let again =
            migrate(&migrator, &files(&[TABLE, MARKED]), &NoHooks, &RunOptions::default()).await.unwrap();
        assert!(again.applied.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_at_once_and_comes_back_is_migrated_by_the_same_run() {
    let mut cluster = own_cluster(&["fsync=on", "full_page_writes=on", "synchronous_commit=on"]).await;
    let (migrator, superuser) = database_of(&cluster).await;
    let slow = (
        "20260102_0000_rows.sql",
        "insert into app.things values (1); select pg_sleep(1); insert into app.things values (2);",
    );
    let settings = RunOptions { reconnects: 8, ..RunOptions::default() };
    let running =
        tokio::spawn(async move { migrate(&migrator, &files(&[TABLE, slow]), &NoHooks, &settings).await });
    while one::<i64>(
        &superuser,
        "select count(*) from pg_stat_activity where query like '%pg_sleep(1)' and state = 'active'",
    )
    .await
        == 0
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    cluster.crash().await.unwrap();
    cluster.start_again().await.unwrap();
    assert_eq!(running.await.unwrap().unwrap().applied.len(), 2);
    assert_eq!(one::<i64>(&superuser, "select count(*) from app.things").await, 2);
}
