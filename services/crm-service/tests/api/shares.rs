//! Connections are shared fairly: one account cannot use up the pool.

use http::StatusCode;
use serde_json::json;
use sqlx::{Executor as _, Row as _};
use testkit::{Database, TestContext, TestUser};
use tokio::task::JoinSet;

use crate::on;

const RIGHTS: &str = "client:read client:write tag:read tag:write";

/// Number of the service's connections waiting for the table; filtered by database, since other tests' tables have the
/// same numbers.
async fn waiting(database: &Database) -> i64 {
    let question = "select count(*) from pg_locks l join pg_stat_activity a using (pid)
         where l.relation = 'app.clients'::regclass and not l.granted and a.datname = current_database() and a.usename = 'nexo_app'";
    sqlx::query(question).fetch_one(&mut database.look().await).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_reads_of_one_account_leave_connections_to_another() {
    let few = [("NEXO_DATABASE_CONNECTIONS", "4")];
    let nexo = on(TestContext::with_settings(Database::migrated().await, "nexo_app", &few).await);
    let (ana, ben) = (nexo.person(RIGHTS).await, nexo.person(RIGHTS).await);
    let database = &nexo.ground.database;
    let mut holder = database.look().await;
    holder.execute("begin; lock table app.clients in access exclusive mode").await.unwrap();
    let mut slow = JoinSet::new();
    for _ in 0..8 {
        let ana: TestUser = ana.clone();
        slow.spawn(async move { ana.get("/clients").await.status });
    }
    while waiting(database).await < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    for _ in 0..20 {
        ben.get("/tags").await.expect(StatusCode::OK);
    }
    assert_eq!(waiting(database).await, 2, "two of four connections are all that one account holds");
    holder.execute("rollback").await.unwrap();
    while let Some(status) = slow.join_next().await {
        assert_eq!(status.unwrap(), StatusCode::OK, "who has waited is answered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_takes_too_long_says_what_to_do() {
    let nexo = crate::nexo().await;
    let ana = nexo.person(RIGHTS).await;
    let mut holder = nexo.ground.database.look().await;
    holder.execute("begin; lock table app.clients in access exclusive mode").await.unwrap();
    let costly = json!({ "filter": { "field": "notes", "op": "contains", "value": "a" } });
    let problem = ana.post("/clients/search", costly).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["code"], "too-costly");
    assert_eq!(problem["errors"][0]["pointer"], "/filter");
}
