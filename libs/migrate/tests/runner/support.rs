//! Test support: databases, migration files and queries.

use std::{
    env,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use migrate::{Error, Migrations, NoHooks, RunOptions, RunSummary};
use pg_server::{Binaries, Cluster};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use tokio::sync::OnceCell;

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
static DATABASES: AtomicUsize = AtomicUsize::new(0);

/// Creates a database for the test; the roles are created once per server.
pub(crate) async fn database() -> (PgConnectOptions, PgConnectOptions) {
    let cluster = CLUSTER.get_or_init(async || own_cluster(&[]).await).await;
    database_of(cluster).await
}

pub(crate) async fn prepare(cluster: &Cluster) {
    let roles = db::Passwords::same(&"x".to_owned().into());
    db::prepare_cluster(&cluster.superuser("postgres"), "template_empty", &roles).await.unwrap();
}

/// Starts a separate server, which the test may stop.
pub(crate) async fn own_cluster(settings: &[&str]) -> Cluster {
    let wanted = env::var_os("NEXO_POSTGRES_BIN").map(PathBuf::from);
    let cluster = Cluster::ephemeral(Binaries::find(wanted.as_deref()).unwrap(), settings).await.unwrap();
    prepare(&cluster).await;
    cluster
}

pub(crate) async fn database_of(cluster: &Cluster) -> (PgConnectOptions, PgConnectOptions) {
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    run(
        &cluster.superuser("postgres"),
        &format!("create database {name} template template_empty owner nexo_owner"),
    )
    .await;
    db::admit_services(&cluster.superuser(&name)).await.unwrap();
    (cluster.role("nexo_migrator", "x", &name), cluster.superuser(&name))
}

pub(crate) async fn run(options: &PgConnectOptions, statements: &str) {
    let mut conn = PgConnection::connect_with(options).await.unwrap();
    conn.execute(AssertSqlSafe(statements.to_owned())).await.unwrap();
    conn.close().await.unwrap();
}

pub(crate) async fn one<T>(options: &PgConnectOptions, question: &'static str) -> T
where
    (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
{
    let mut conn = PgConnection::connect_with(options).await.unwrap();
    let (answer,): (T,) = sqlx::query_as(question).fetch_one(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    answer
}

pub(crate) fn files(files: &[(&str, &str)]) -> Migrations {
    try_files(files).unwrap()
}

pub(crate) fn try_files(files: &[(&str, &str)]) -> Result<Migrations, Error> {
    Migrations::from_files(files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())))
}

/// Applies files without hooks.
pub(crate) async fn apply(database: &PgConnectOptions, all: &Migrations) -> Result<RunSummary, Error> {
    migrate::migrate(database, all, &NoHooks, &hasty()).await
}

/// Applies files and returns the error message.
pub(crate) async fn refusal(database: &PgConnectOptions, all: &Migrations) -> String {
    apply(database, all).await.unwrap_err().to_string()
}

pub(crate) fn hasty() -> RunOptions {
    RunOptions {
        lock_wait: Duration::from_millis(600),
        lock_timeout: Duration::from_millis(100),
        attempts: 2,
        ..RunOptions::default()
    }
}

pub(crate) const TABLE: (&str, &str) =
    ("20260101_0000_things.sql", "-- Things.\ncreate schema app; create table app.things (id int);");
pub(crate) const ROWS: (&str, &str) =
    ("20260102_0000_rows.sql", "insert into app.things values (1);\ninsert into app.things values (2);");
