//! One round trip for a read: nothing crosses between people, and nothing happens twice, wherever it breaks.

mod proxy;

use std::{pin::pin, task::Poll, time::Duration};

use db::TenantQuery;
use http::StatusCode;
use serde_json::{Value, json};
use testkit::{Database, TestApp, TestContext, TestUser};
use uuid::Uuid;

use self::proxy::Proxy;
use crate::{ALL, made, on};

/// A service whose only connection goes through a proxy.
async fn proxied() -> (TestApp, Proxy) {
    let database = Database::migrated().await;
    let proxy = Proxy::before(&database).await;
    let url = proxy.url(&database, "nexo_app");
    let settings = [("NEXO_DATABASE_CONNECTIONS", "1"), ("DATABASE_URL", &url)];
    (on(TestContext::with_settings(database, "nexo_app", &settings).await), proxy)
}

async fn count(nexo: &TestApp, name: &str) -> i64 {
    let mut look = nexo.ground.database.look().await;
    let asked = sqlx::query_as("select count(*) from app.clients where name = $1").bind(name);
    let (count,): (i64,) = asked.fetch_one(&mut look).await.unwrap();
    count
}

#[tokio::test]
async fn a_read_takes_one_round_trip_and_a_create_takes_two() {
    let (nexo, proxy) = proxied().await;
    let ana = nexo.person(ALL).await;
    let path = format!(
        "/clients/{}",
        made(&ana, "/clients", json!({ "name": "Acme" })).await["id"].as_str().unwrap()
    );
    for (round_trips, request) in [(1, Some(path.as_str())), (1, Some("/clients")), (2, None)] {
        for _ in 0..2 {
            let (before, _) = proxy.counts();
            match request {
                Some(path) => ana.get(path).await.expect(StatusCode::OK),
                None => made(&ana, "/clients", json!({ "name": "Bolt" })).await,
            };
            assert_eq!(proxy.counts().0 - before, round_trips, "{request:?}");
        }
    }
}

#[tokio::test]
async fn a_read_cut_at_any_byte_of_its_answer_is_whole_or_refused() {
    let (nexo, proxy) = proxied().await;
    let ana = nexo.person(ALL).await;
    let client = made(&ana, "/clients", json!({ "name": "Acme" })).await;
    let path = format!("/clients/{}", client["id"].as_str().unwrap());
    ana.get(&path).await.expect(StatusCode::OK);
    let before = proxy.counts().1;
    ana.get(&path).await.expect(StatusCode::OK);
    let length = proxy.counts().1 - before;
    for cut in 0..length {
        proxy.cut_after(cut);
        let answer = ana.get(&path).await;
        assert!(proxy.disarm(), "cut after {cut} of {length} bytes");
        // Sent again on a new connection.
        assert_eq!(answer.expect(StatusCode::OK)["name"], "Acme", "cut after {cut} bytes");
    }
}

#[tokio::test]
async fn a_write_cut_at_any_byte_of_its_answer_never_happens_twice() {
    let (nexo, proxy) = proxied().await;
    let ana = nexo.person(ALL).await;
    let prepared = async || made(&ana, "/clients", json!({ "name": "prepared" })).await;
    prepared().await;
    let before = proxy.counts().1;
    prepared().await;
    let length = proxy.counts().1 - before;
    let (mut unknown, mut kept) = (0, 0);
    for cut in 0..length {
        prepared().await; // a new connection prepares its statements
        let name = format!("cut after {cut}");
        proxy.cut_after(cut);
        let answer = ana.post("/clients", json!({ "name": name })).await;
        assert!(proxy.disarm(), "{name} of {length} bytes");
        let problem = answer.expect(StatusCode::SERVICE_UNAVAILABLE);
        let rows = count(&nexo, &name).await;
        match problem["code"].as_str().unwrap() {
            "unavailable" => assert_eq!(rows, 0, "{name}: it was said not to have happened"),
            "outcome-unknown" => {
                assert!(rows <= 1, "{name}: it happened {rows} times");
                (unknown, kept) = (unknown + 1, kept + rows);
            }
            code => panic!("{name}: {code}"),
        }
    }
    assert!(unknown > 0 && kept > 0, "{unknown} of {length} were unknown, {kept} of them were kept");
}

#[tokio::test]
async fn a_write_whose_commit_got_no_answer_is_repeated_by_its_key_once() {
    let (nexo, proxy) = proxied().await;
    let ana = nexo.person(ALL).await;
    for (at, key) in ["one", "two", "three"].into_iter().enumerate() {
        let mut length = 0;
        for turn in 0..2 {
            let before = proxy.counts().1;
            let prepared = ana.post_once("/clients", &format!("{at} {turn}"), json!({ "name": key })).await;
            prepared.expect(StatusCode::CREATED);
            length = proxy.counts().1 - before;
        }
        proxy.cut_after(length - 1 - at); // within the answer to COMMIT
        let lost = ana.post_once("/clients", key, json!({ "name": key })).await;
        assert_eq!(lost.expect(StatusCode::SERVICE_UNAVAILABLE)["code"], "outcome-unknown");
        assert!(proxy.disarm());
        let again = ana.post_once("/clients", key, json!({ "name": key })).await;
        assert_eq!(again.header("Idempotent-Replayed"), Some("true"));
        again.expect(StatusCode::CREATED);
        assert_eq!(count(&nexo, key).await, 2 + 1);
    }
}

/// Polls a future this number of times; `None` if it has not ended by then.
async fn polled<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut left) = (pin!(future), times);
    std::future::poll_fn(move |cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

fn names(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|client| client["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_request_cancelled_at_any_await_shows_nothing_to_the_next_person() {
    let (nexo, _proxy) = proxied().await;
    let (ana, ben) = (nexo.person(ALL).await, nexo.person(ALL).await);
    made(&ana, "/clients", json!({ "name": "of ana" })).await;
    made(&ben, "/clients", json!({ "name": "of ben" })).await;
    for times in 0..12 {
        let create = json!({ "name": format!("of ana, {times}") });
        let done = [
            polled(times, ana.get("/clients")).await.is_some(),
            polled(times, ana.post("/clients", create)).await.is_some(),
        ];
        let seen = ben.get("/clients").await.expect(StatusCode::OK);
        assert_eq!(names(&seen), ["of ben"], "after {times} polls, {done:?}");
    }
}

#[tokio::test]
async fn an_ended_session_reaches_nothing_and_leaves_the_connection_usable() {
    let (nexo, _proxy) = proxied().await;
    let (ana, ben) = (nexo.person(ALL).await, nexo.person(ALL).await);
    let client = made(&ana, "/clients", json!({ "name": "Acme" })).await;
    let path = format!("/clients/{}", client["id"].as_str().unwrap());
    let end = format!("update app.sessions set revoked_at = now() where account_id = '{}'", ana.account);
    nexo.ground.database.run(&end).await;
    for _ in 0..3 {
        ana.get(&path).await.expect(StatusCode::UNAUTHORIZED);
        ana.post("/clients", json!({ "name": "late" })).await.expect(StatusCode::UNAUTHORIZED);
        ana.patch(&path, &client, json!({ "name": "late" })).await.expect(StatusCode::UNAUTHORIZED);
        assert_eq!(names(&ben.get("/clients").await.expect(StatusCode::OK)), [""; 0]);
    }
    assert_eq!(count(&nexo, "late").await, 0);
}

const SETTINGS: TenantQuery = TenantQuery::new(
    "select current_setting('app.current_account_id'), current_setting('app.current_user_id'),
            coalesce(current_setting('app.current_request_id', true), ''), current_setting('transaction_read_only')
     where $1::uuid is not null",
);

type Settings = (String, String, String, String);

#[tokio::test]
async fn two_people_who_alternate_over_one_connection_have_only_their_own_settings() {
    let (nexo, _proxy) = proxied().await;
    let people = [nexo.person(ALL).await, nexo.person(ALL).await];
    let db = &nexo.ground.db;
    for turn in 0..20 {
        let TestUser { token, account, user, .. } = &people[turn % 2];
        let request = Uuid::now_v7();
        let who = nexo.ground.verifier.verify(token, request).await.unwrap();
        let (account, user) = (account.to_string(), user.to_string());
        let mut write = db.begin(&who).await.unwrap();
        let seen: Option<Settings> = write.read(SETTINGS).optional().await.unwrap();
        assert_eq!(seen.unwrap(), (account.clone(), user.clone(), request.to_string(), "off".to_owned()));
        write.commit().await.unwrap();
        let other = nexo.ground.verifier.verify(&people[(turn + 1) % 2].token, request).await.unwrap();
        let mut read = db.begin_read_only(&other).await.unwrap();
        for _ in 0..2 {
            let (seen_account, seen_user, seen_request, read_only): Settings =
                read.read(SETTINGS).optional().await.unwrap().unwrap();
            assert_eq!((seen_account, seen_user), (other.account().to_string(), other.user().to_string()));
            assert_eq!(
                (seen_request.as_str(), read_only.as_str()),
                ("", "on"),
                "what a read does not need is unset"
            );
        }
    }
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_replaced_before_anything_is_sent() {
    let (nexo, _proxy) = proxied().await;
    let ana = nexo.person(ALL).await;
    for turn in 0..3 {
        let name = format!("after {turn}");
        ana.get("/clients").await.expect(StatusCode::OK);
        let end = "select pg_terminate_backend(pid) from pg_stat_activity
                   where datname = current_database() and usename = 'nexo_app'";
        nexo.ground.database.run(end).await;
        tokio::time::sleep(Duration::from_millis(50)).await; // the runtime notices that the socket is closed
        made(&ana, "/clients", json!({ "name": name })).await;
        assert_eq!(count(&nexo, &name).await, 1);
    }
}

#[tokio::test]
async fn a_read_whose_prepared_statement_is_of_another_schema_is_prepared_again() {
    let (nexo, _proxy) = proxied().await;
    let ana = nexo.person(ALL).await;
    made(&ana, "/clients", json!({ "name": "Acme" })).await;
    ana.get("/clients").await.expect(StatusCode::OK);
    nexo.ground.database.run("alter table app.clients alter column currency type varchar(30)").await;
    for _ in 0..2 {
        assert_eq!(names(&ana.get("/clients").await.expect(StatusCode::OK)), ["Acme"]);
    }
}

const UNSENDABLE: TenantQuery =
    TenantQuery::new("select id from app.clients where account_id = $1 and name = '\0'");

#[tokio::test]
async fn a_write_whose_opening_could_not_be_sent_sends_nothing_else() {
    let (nexo, proxy) = proxied().await;
    let ana = nexo.person(ALL).await;
    let who = nexo.ground.verifier.verify(&ana.token, Uuid::now_v7()).await.unwrap();
    let client: crm_service::clients::Client = serde_json::from_value(json!({ "name": "lost" })).unwrap();
    let mut tx = nexo.ground.db.begin(&who).await.unwrap();
    let before = proxy.counts().0;
    assert!(tx.read::<(Uuid,)>(UNSENDABLE).all().await.is_err());
    assert!(resource::insert(&mut tx, &client).await.is_err());
    assert!(matches!(tx.commit().await, Err(db::Error::TransactionAborted)));
    assert_eq!((proxy.counts().0, count(&nexo, "lost").await), (before, 0));
    made(&ana, "/clients", json!({ "name": "kept" })).await;
}
