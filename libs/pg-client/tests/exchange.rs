//! Batches against a real server.
#![expect(clippy::unwrap_used, reason = "a test should fail where it fails")]

use std::time::Duration;

use percent_encoding::percent_decode_str;
use pg_client::{Config, Connection, Error, Host, SslMode, Statement, TransactionStatus};
use postgres_types::Type;
use sqlx::ConnectOptions as _;
use testkit::Database;
use tokio::time::timeout;

async fn connect() -> (Database, Connection) {
    let database = Database::migrated().await;
    let options = database.superuser();
    let url = options.to_url_lossy();
    let password =
        url.password().map(|text| percent_decode_str(text).decode_utf8_lossy().into_owned().into());
    let config = Config {
        host: Host::Tcp(options.get_host().to_owned(), options.get_port()),
        user: options.get_username().to_owned(),
        password,
        database: options.get_database().map(ToOwned::to_owned),
        application_name: Some("test".to_owned()),
        options: None,
        ssl: SslMode::Prefer,
        root_cert: None,
        client_cert: None,
    };
    let connection = Connection::connect(&config).await.unwrap();
    (database, connection)
}

#[tokio::test]
async fn what_follows_a_failed_statement_is_skipped_and_the_batch_is_one_transaction() {
    let (_database, mut connection) = connect().await;
    connection.execute("create table counted (n int)").await.unwrap();
    let mut batch = connection.batch();
    for text in ["insert into counted values (1)", "select 1 / 0", "insert into counted values (2)"] {
        batch.add(&Statement::new(text)).unwrap();
    }
    let answers = batch.send().await.unwrap();
    assert_eq!((answers.succeeded(), &*answers.error().unwrap().code), (1, "22012"));
    assert_eq!((answers.status(), answers.affected(0)), (TransactionStatus::Idle, 1));
    let counted = connection.execute("select from counted").await.unwrap();
    assert_eq!(counted.affected(0), 0, "the first was rolled back");
    assert!(connection.is_usable());
}

/// The server sends 16 MB before it reads 16 MB that the client is about to send.
#[tokio::test]
async fn large_answers_and_large_requests_pass_each_other() {
    let (_database, mut connection) = connect().await;
    let mut large = 16_777_216_u32.to_be_bytes().to_vec();
    large.resize(4 + 16_777_216, b'x');
    let text = [Type::TEXT.oid()];
    let mut batch = connection.batch();
    batch.add(&Statement::new("select repeat('y', 1000000) from generate_series(1, 16)")).unwrap();
    batch.add(&Statement::new("select length($1)").with(&text, &large)).unwrap();
    let answers = timeout(Duration::from_secs(60), batch.send()).await.unwrap().unwrap();
    assert_eq!((answers.rows(0).left(), answers.affected(0)), (16, 16));
    let mut rows = answers.rows(1);
    assert_eq!(rows.next().unwrap().value(0), Some(&16_777_216_i32.to_be_bytes()[..]));
}

#[tokio::test]
async fn statements_beyond_the_limit_are_closed() {
    let (_database, mut connection) = connect().await;
    for n in 0..1_200 {
        let mut batch = connection.batch();
        batch.add(&Statement::new(&format!("select {n}"))).unwrap();
        let answers = batch.send().await.unwrap().into_result().unwrap();
        assert_eq!(answers.rows(0).next().unwrap().value(0), Some(&i32::to_be_bytes(n)[..]));
    }
    let held = connection.execute("select count(*) from pg_prepared_statements").await.unwrap();
    let mut rows = held.rows(0);
    let count = rows
        .next()
        .unwrap()
        .value(0)
        .unwrap()
        .last_chunk::<8>()
        .map(|count| i64::from_be_bytes(*count))
        .unwrap();
    assert!((490..=505).contains(&count), "{count}");
}

#[tokio::test]
async fn a_cancelled_batch_leaves_its_connection_unusable() {
    let (_database, mut connection) = connect().await;
    let mut batch = connection.batch();
    batch.add(&Statement::new("select pg_sleep(10)")).unwrap();
    assert!(timeout(Duration::from_millis(100), batch.send()).await.is_err());
    assert!(connection.is_busy() && !connection.is_usable());
    assert!(
        matches!(connection.execute("select 1").await, Err(Error::Protocol(_))),
        "it takes no other batch"
    );
}

#[tokio::test]
async fn a_wrong_role_is_an_error_of_the_server() {
    let (database, _connection) = connect().await;
    let options = database.superuser();
    let config = Config {
        host: Host::Tcp(options.get_host().to_owned(), options.get_port()),
        user: "nexo_app".to_owned(),
        password: Some("wrong".to_owned().into()),
        database: None,
        application_name: None,
        options: None,
        ssl: SslMode::Disable,
        root_cert: None,
        client_cert: None,
    };
    let error = Connection::connect(&config).await.unwrap_err();
    assert!(
        matches!(&error, Error::Server(said) if said.code.starts_with("28") || said.code == "3D000"),
        "{error}"
    );
}
