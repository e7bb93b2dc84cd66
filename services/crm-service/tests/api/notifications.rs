//! Notifications on the in-process event bus; `libs/events` tests that the broker behaves the same.

use std::{sync::Arc, time::Duration};

use crm_service::{App, router};
use db::OutboxSignal;
use events::{Config, EventSystem};
use http::{Method, StatusCode};
use kernel::Env;
use serde_json::{Value, json};
use testkit::{TestApp, TestContext, TestUser};
use tokio::time::{Instant, sleep};

use crate::made;

/// Starts a service whose events are consumed.
async fn nexo() -> (TestApp, EventSystem) {
    let ground = TestContext::new("nexo_app").await;
    let mut settings = ground.database.settings("nexo_app");
    let relay = ground.database.settings("nexo_relay").into_iter().find(|(name, _)| name == "DATABASE_URL");
    settings.extend(relay.map(|(_, url)| ("RELAY_DATABASE_URL".to_owned(), url)));
    let wake = OutboxSignal::default();
    let db = ground.db.clone().with_event_wakeup(&wake);
    let running = Config::read(&mut Env::from_values(settings)).start(&db, wake, crm_service::consumers());
    let app = App { db, verifier: ground.verifier.clone() };
    (TestApp { router: router(app).0, ground }, running)
}

/// Waits until the outbox is empty.
async fn settled(nexo: &TestApp) {
    let end = Instant::now() + Duration::from_secs(60);
    let mut conn = nexo.ground.database.look().await;
    loop {
        let left: (i64,) =
            sqlx::query_as("select count(*) from app.outbox").fetch_one(&mut conn).await.unwrap();
        if left.0 == 0 {
            break;
        }
        assert!(Instant::now() < end, "{left:?} events wait");
        sleep(Duration::from_millis(20)).await;
    }
    let parked: Vec<(String,)> =
        sqlx::query_as("select reason from app.parked_events").fetch_all(&mut conn).await.unwrap();
    assert!(parked.is_empty(), "{parked:?}");
}

async fn told(person: &TestUser, query: &str) -> Vec<Value> {
    let list = person.get(&format!("/notifications{query}")).await.expect(StatusCode::OK);
    list["data"].as_array().unwrap().clone()
}

fn path(of: &str, record: &Value) -> String {
    format!("/{of}/{}", record["id"].as_str().unwrap())
}

const RIGHTS: &str = "task:* note:* client:*";

#[tokio::test]
async fn a_new_assignee_is_notified_unless_they_assigned_themselves() {
    let (nexo, _running) = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    let ben = nexo.member(ana.account, RIGHTS).await;
    let task = made(&ana, "/tasks", json!({ "title": "t", "assignee_id": ben.user })).await;
    made(&ben, "/tasks", json!({ "title": "own", "assignee_id": ben.user })).await;
    let renamed =
        ana.patch(&path("tasks", &task), &task, json!({ "title": "u" })).await.expect(StatusCode::OK);
    let moved = ana
        .patch(&path("tasks", &task), &renamed, json!({ "assignee_id": ana.user }))
        .await
        .expect(StatusCode::OK);
    ben.patch(&path("tasks", &task), &moved, json!({ "assignee_id": ben.user })).await.expect(StatusCode::OK);
    settled(&nexo).await;
    let of_ben = told(&ben, "").await;
    assert_eq!(of_ben.len(), 1, "by Ana once; a new title is no new task: {of_ben:?}");
    assert_eq!(of_ben[0]["kind"], "task_assigned");
    assert_eq!((&of_ben[0]["subject_type"], &of_ben[0]["subject_id"]), (&json!("task"), &task["id"]));
    assert_eq!(of_ben[0]["actor_id"], json!(ana.user));
    assert!(told(&ana, "").await.is_empty(), "they gave it to themselves");
}

#[tokio::test]
async fn a_mentioned_member_is_notified_once_and_only_if_they_may_read_the_note() {
    let (nexo, _running) = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    let ben = nexo.member(ana.account, RIGHTS).await;
    let blind = nexo.member(ana.account, "task:*").await;
    let own = nexo.member(ana.account, "note:*@own").await;
    let eve = nexo.person(RIGHTS).await;
    let client = made(&ana, "/clients", json!({ "name": "Acme" })).await;
    let at =
        |people: &[&TestUser]| people.iter().map(|one| format!("@{{{}}} ", one.user)).collect::<String>();
    let body = at(&[&ana, &ben, &blind, &own, &eve]);
    let note = json!({ "subject_type": "client", "subject_id": client["id"], "body": body });
    let note = made(&ana, "/notes", note).await;
    let longer = json!({ "body": format!("{body} and more") });
    ana.patch(&path("notes", &note), &note, longer).await.expect(StatusCode::OK);
    settled(&nexo).await;
    let of_ben = told(&ben, "").await;
    assert_eq!(of_ben.len(), 1, "once, though the note was changed: {of_ben:?}");
    assert_eq!((&of_ben[0]["kind"], &of_ben[0]["subject_id"]), (&json!("mentioned"), &note["id"]));
    for nobody in [&ana, &blind, &own, &eve] {
        assert!(told(nobody, "").await.is_empty());
    }
    let count = sqlx::query_as("select count(*) from app.notifications");
    let count: (i64,) = count.fetch_one(&mut nexo.ground.database.look().await).await.unwrap();
    assert_eq!(count.0, 1, "nothing was even written for the others");
}

#[tokio::test]
async fn the_owner_of_a_booked_professional_is_notified() {
    let (nexo, _running) = nexo().await;
    let ana = nexo.person("*:*").await;
    let ben = nexo.member(ana.account, "booking:read").await;
    let blind = nexo.member(ana.account, "professional:read").await;
    let mut of_ben = Value::Null;
    for owner in [Some(ben.user), Some(ana.user), Some(blind.user), None] {
        let zoe = json!({ "name": "Zoë", "time_zone": "UTC", "owner_id": owner });
        let zoe = made(&ana, "/professionals", zoe).await;
        let booking = json!({ "professional_id": zoe["id"], "title": "Visit", "outside_hours": true,
                              "starts_at": "2027-06-07T09:00:00Z", "ends_at": "2027-06-07T10:00:00Z" });
        let booking = made(&ana, "/bookings", booking).await;
        of_ben = if owner == Some(ben.user) { booking } else { of_ben };
    }
    settled(&nexo).await;
    let told_ben = told(&ben, "").await;
    assert_eq!(told_ben.len(), 1);
    let seen = (&told_ben[0]["kind"], &told_ben[0]["subject_type"], &told_ben[0]["subject_id"]);
    assert_eq!(seen, (&json!("booking_made"), &json!("booking"), &of_ben["id"]));
    for nobody in [&ana, &blind] {
        assert!(
            told(nobody, "").await.is_empty(),
            "who did it themselves, or may not read it, is told nothing"
        );
    }
}

#[tokio::test]
async fn notifications_are_read_by_their_recipient_alone() {
    let (nexo, _running) = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    let ben = nexo.member(ana.account, RIGHTS).await;
    let eve = nexo.person(RIGHTS).await;
    for title in ["a", "b", "c"] {
        made(&ana, "/tasks", json!({ "title": title, "assignee_id": ben.user })).await;
    }
    settled(&nexo).await;
    let first = ben.get("/notifications?limit=2").await.expect(StatusCode::OK);
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    let next = format!("/notifications?limit=2&cursor={}", first["page"]["next_cursor"].as_str().unwrap());
    let second = ben.get(&next).await.expect(StatusCode::OK);
    assert_eq!((second["data"].as_array().unwrap().len(), &second["page"]["has_more"]), (1, &json!(false)));

    let one = path("notifications", &first["data"][0]);
    let mark = async |person: &TestUser, what: &str| {
        person.send(Method::POST, &format!("{one}/{what}"), None, None).await.status
    };
    for stranger in [&ana, &eve] {
        assert_eq!(mark(stranger, "read").await, StatusCode::NOT_FOUND);
        assert!(told(stranger, "").await.is_empty());
    }
    assert_eq!(mark(&ben, "read").await, StatusCode::NO_CONTENT);
    assert_eq!(mark(&ben, "read").await, StatusCode::NO_CONTENT, "again is the same");
    assert_eq!(told(&ben, "?unread=true").await.len(), 2);
    assert_eq!(mark(&ben, "unread").await, StatusCode::NO_CONTENT);
    assert_eq!(told(&ben, "?unread=true").await.len(), 3);
    let all = ben.send(Method::POST, "/notifications/read-all", None, None).await;
    assert_eq!(all.status, StatusCode::NO_CONTENT);
    assert!(told(&ben, "?unread=true").await.is_empty());
    assert_eq!(told(&ben, "").await.len(), 3);
}

/// A notification stays stored, but is visible only as long as its subject is readable.
#[tokio::test]
async fn a_notification_of_what_is_out_of_reach_is_not_there() {
    let (nexo, _running) = nexo().await;
    let ana = nexo.person("*:*").await;
    let ben = nexo.member(ana.account, RIGHTS).await;
    let client = made(&ana, "/clients", json!({ "name": "Acme" })).await;
    let body = format!("@{{{}}}", ben.user);
    made(&ana, "/notes", json!({ "subject_type": "client", "subject_id": client["id"], "body": body })).await;
    made(&ana, "/tasks", json!({ "title": "t", "assignee_id": ben.user })).await;
    settled(&nexo).await;
    let all = told(&ben, "").await;
    assert_eq!(all.len(), 2);
    let mention = path("notifications", all.iter().find(|one| one["kind"] == "mentioned").unwrap());
    let mark = async |person: &TestUser, at: &str| person.send(Method::POST, at, None, None).await.status;
    for rights in
        ["task:* note:read@own client:*", "task:* note:* client:read@own", "task:* note:*", "task:*"]
    {
        let ben = nexo.regranted(&ben, rights, &[]).await;
        let left = told(&ben, "?unread=true").await;
        assert_eq!(left.len(), 1, "{rights}: {left:?}");
        assert_eq!(left[0]["kind"], "task_assigned", "{rights}");
        assert_eq!(mark(&ben, &format!("{mention}/read")).await, StatusCode::NOT_FOUND, "{rights}");
    }
    let nothing = nexo.regranted(&ben, "client:*", &[]).await;
    assert!(told(&nothing, "").await.is_empty());
    assert_eq!(mark(&nothing, "/notifications/read-all").await, StatusCode::NO_CONTENT);
    let again = nexo.regranted(&ben, RIGHTS, &[]).await;
    assert_eq!(told(&again, "?unread=true").await.len(), 2, "what was not there was not read");
}

#[tokio::test]
async fn a_muted_kind_of_notification_is_not_sent() {
    let (nexo, _running) = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    let ben = nexo.member(ana.account, RIGHTS).await;
    let chosen = ben.get("/notifications/preferences").await.expect(StatusCode::OK);
    assert_eq!(chosen["task_assigned"], json!({ "in_app": true }));
    let mut wanted = chosen.clone();
    wanted["task_assigned"]["in_app"] = json!(false);
    let put = async |body: &Value| {
        ben.send(Method::PUT, "/notifications/preferences", None, Some(body.clone())).await
    };
    assert_eq!(put(&wanted).await.expect(StatusCode::OK), wanted);
    assert_eq!(ben.get("/notifications/preferences").await.expect(StatusCode::OK), wanted);
    let others = ana.get("/notifications/preferences").await.expect(StatusCode::OK);
    assert_eq!(others, chosen, "they are each one's own");
    made(&ana, "/tasks", json!({ "title": "t", "assignee_id": ben.user })).await;
    settled(&nexo).await;
    assert!(told(&ben, "").await.is_empty());
    put(&chosen).await.expect(StatusCode::OK);
    made(&ana, "/tasks", json!({ "title": "t", "assignee_id": ben.user })).await;
    settled(&nexo).await;
    assert_eq!(told(&ben, "").await.len(), 1);
    assert_eq!(
        put(&json!({ "mentioned": { "in_app": true } })).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn without_a_broker_that_was_asked_for_the_service_is_degraded_and_serves() {
    let ground = TestContext::new("nexo_app").await;
    let mut settings = ground.database.settings("nexo_app");
    settings.push(("AMQP_URL".to_owned(), "amqp://guest:guest@127.0.0.1:1/%2f".to_owned()));
    let config = Config::read(&mut Env::from_values(settings));
    let running = config.start(&ground.db, OutboxSignal::default(), crm_service::consumers());
    let beside = vec![web::Dependency::new("events", running.troubles().count())];
    let app = App { db: ground.db.clone(), verifier: ground.verifier.clone() };
    let nexo = Arc::new(TestApp {
        router: crm_service::router_with_dependencies(app, beside, web::Proxies::default()).0,
        ground,
    });
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let ready = TestUser::nobody(&nexo.router).send_raw(Method::GET, "/health/ready", &[], "").await;
        let ready = ready.expect(StatusCode::OK);
        if ready == json!({ "status": "degraded", "parts": { "events": "down" } }) {
            break;
        }
        assert!(Instant::now() < end, "{ready}");
        sleep(Duration::from_millis(50)).await;
    }
    nexo.person("client:*")
        .await
        .post("/clients", json!({ "name": "Acme" }))
        .await
        .expect(StatusCode::CREATED);
}
