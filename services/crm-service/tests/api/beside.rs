//! Annotations of records: notes, activities, tags, and the timeline that combines them.

use crm_service::{activities::Activity, notes::Note, tags::Tag};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{TestResponse, TestUser};
use uuid::Uuid;

use crate::nexo;

const EVERYTHING: &str = "client:* note:* activity:* tag:*";

async fn client(person: &TestUser) -> Value {
    person.post("/clients", json!({ "name": "Acme", "rating": 3 })).await.expect(StatusCode::CREATED)
}

fn note(client: &Value, body: &str) -> Value {
    json!({ "subject_type": "client", "subject_id": client["id"], "body": body })
}

fn call(client: &Value) -> Value {
    json!({
        "kind": "call", "subject_type": "client", "subject_id": client["id"], "at": "2026-03-01T09:30:00Z",
        "duration_minutes": 15, "summary": "Offer", "outcome": "Will think about it",
    })
}

async fn set_tags(person: &TestUser, client: &Value, tags: &[&Value]) -> TestResponse {
    let path = format!("/clients/{}/tags", client["id"].as_str().unwrap());
    let etag = person.get(&path).await.header("etag").unwrap_or("\"1\"").to_owned();
    put_tags(person, &path, &etag, tags).await
}

async fn put_tags(person: &TestUser, path: &str, etag: &str, tags: &[&Value]) -> TestResponse {
    let headers = [("content-type", "application/json"), ("if-match", etag)];
    let body = json!({ "tags": tags }).to_string();
    person.send_raw(Method::PUT, &format!("/api/v1{path}"), &headers, body).await
}

async fn timeline(person: &TestUser, client: &Value, query: &str) -> Value {
    let path = format!("/clients/{}/timeline{query}", client["id"].as_str().unwrap());
    person.get(&path).await.expect(StatusCode::OK)
}

fn kinds(timeline: &Value) -> Vec<&str> {
    timeline["data"].as_array().unwrap().iter().map(|step| step["kind"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn notes_are_kept() {
    let nexo = nexo().await;
    let sample = async |person: &TestUser| note(&client(person).await, "Wants an offer");
    testkit::assert_resource_contract_with_references::<Note>(
        &nexo,
        "client:*",
        sample,
        json!({ "body": "Has an offer" }),
    )
    .await;
}

#[tokio::test]
async fn activities_are_kept() {
    let nexo = nexo().await;
    let sample = async |person: &TestUser| call(&client(person).await);
    let change = json!({ "outcome": null, "kind": "visit", "at": "2026-03-02T09:30:00Z" });
    testkit::assert_resource_contract_with_references::<Activity>(&nexo, "client:*", sample, change).await;
}

#[tokio::test]
async fn tags_are_kept() {
    let nexo = nexo().await;
    let sample = |_: &TestUser| json!({ "name": "Key account", "colour": "#ff8800" });
    testkit::assert_resource_contract::<Tag>(&nexo, sample, json!({ "colour": null })).await;
    let ana = nexo.person(EVERYTHING).await;
    for (body, status, pointer) in [
        (json!({ "name": "VIP" }), StatusCode::CREATED, None),
        (json!({ "name": "vip" }), StatusCode::CONFLICT, Some("/name")),
        (json!({ "name": "a", "colour": "red" }), StatusCode::UNPROCESSABLE_ENTITY, Some("/colour")),
    ] {
        let answer = ana.post("/tags", body).await.expect(status);
        assert_eq!(answer["errors"][0]["pointer"].as_str(), pointer);
    }
}

#[tokio::test]
async fn a_note_is_about_a_record_that_its_writer_reaches() {
    let nexo = nexo().await;
    let ana = nexo.person(EVERYTHING).await;
    let stranger = client(&nexo.person(EVERYTHING).await).await;
    let own = client(&ana).await;
    let ben = nexo.member(ana.account, "client:read@own note:*").await;
    let blind = nexo.member(ana.account, "note:*").await;
    let mut of_a_supplier = note(&own, "a");
    of_a_supplier["subject_type"] = json!("supplier");
    let nobody = json!({ "id": Uuid::now_v7() });
    for (person, body) in [
        (&ana, note(&stranger, "a")),
        (&ana, note(&nobody, "a")),
        (&ana, of_a_supplier),
        (&ben, note(&own, "a")),
        (&blind, note(&own, "a")),
    ] {
        let problem = person.post("/notes", body.clone()).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["code"], "subject-not-found", "{problem}");
        let batch = json!({ "operation": "create", "items": [body] });
        let problem = person.post("/notes/bulk", batch).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], "/items/0/subject_id");
    }
    let made = ana.post("/notes", note(&own, "a")).await.expect(StatusCode::CREATED);
    let path = format!("/notes/{}", made["id"].as_str().unwrap());
    let other = client(&ana).await;
    let moved = ana.patch(&path, &made, json!({ "subject_id": other["id"] })).await;
    assert_eq!(moved.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "subject-immutable");
}

#[tokio::test]
async fn a_record_has_the_tags_that_it_was_given_last() {
    let nexo = nexo().await;
    let ana = nexo.person(EVERYTHING).await;
    let acme = client(&ana).await;
    let mut tags = Vec::new();
    for name in ["a", "b", "c"] {
        tags.push(ana.post("/tags", json!({ "name": name })).await.expect(StatusCode::CREATED));
    }
    let [a, b, c] = [&tags[0]["id"], &tags[1]["id"], &tags[2]["id"]];
    let given = set_tags(&ana, &acme, &[b, a, a]).await.expect(StatusCode::OK);
    assert_eq!(given, json!({ "tags": [a, b] }));
    assert_eq!(set_tags(&ana, &acme, &[b, c]).await.expect(StatusCode::OK), json!({ "tags": [b, c] }));
    let path = format!("/clients/{}", acme["id"].as_str().unwrap());
    let seen = async |person: &TestUser| person.get(&format!("{path}/tags")).await;
    assert_eq!(seen(&ana).await.expect(StatusCode::OK), json!({ "tags": [b, c] }));

    let eve = nexo.person(EVERYTHING).await;
    let theirs = eve.post("/tags", json!({ "name": "a" })).await.expect(StatusCode::CREATED);
    for wrong in [&theirs["id"], &json!(Uuid::now_v7())] {
        let problem = set_tags(&ana, &acme, &[a, wrong]).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["code"], "tag-unknown");
    }
    assert_eq!(seen(&eve).await.status, StatusCode::NOT_FOUND);
    assert_eq!(set_tags(&eve, &acme, &[]).await.status, StatusCode::NOT_FOUND);
    let reader = nexo.member(ana.account, "client:read").await;
    assert_eq!(set_tags(&reader, &acme, &[]).await.status, StatusCode::FORBIDDEN);

    ana.delete(&format!("/tags/{}", b.as_str().unwrap()), &tags[1]).await;
    assert_eq!(
        seen(&ana).await.expect(StatusCode::OK),
        json!({ "tags": [c] }),
        "what is in the trash is not shown"
    );
    let history = ana.get(&format!("{path}/history")).await.expect(StatusCode::OK);
    assert_eq!(history["data"][0]["action"], "tagged");
    assert_eq!(history["data"][0]["before"], json!({ "tags": [a, b] }));
}

#[tokio::test]
async fn of_two_changes_of_tags_with_one_version_one_is_refused() {
    let ana = nexo().await.person(EVERYTHING).await;
    let acme = client(&ana).await;
    let tag = ana.post("/tags", json!({ "name": "a" })).await.expect(StatusCode::CREATED)["id"].clone();
    let path = format!("/clients/{}/tags", acme["id"].as_str().unwrap());
    let first = put_tags(&ana, &path, "\"1\"", &[&tag]).await;
    assert_eq!((first.status, first.header("etag")), (StatusCode::OK, Some("\"2\"")));
    let late = put_tags(&ana, &path, "\"1\"", &[]).await.expect(StatusCode::PRECONDITION_FAILED);
    assert_eq!(late["current"]["version"], 2, "tags are part of the record's version");
    let blind = ana.send(Method::PUT, &path, None, Some(json!({ "tags": [] }))).await;
    assert_eq!(blind.status, StatusCode::PRECONDITION_REQUIRED);
    assert_eq!(put_tags(&ana, &path, "\"2\"", &[&tag]).await.header("etag"), Some("\"2\""), "nothing to do");
}

#[tokio::test]
async fn a_timeline_tells_all_in_the_order_in_which_it_was_written_down() {
    let nexo = nexo().await;
    let ana = nexo.person(EVERYTHING).await;
    let acme = client(&ana).await;
    let other = client(&ana).await;
    ana.post("/notes", note(&other, "not here")).await.expect(StatusCode::CREATED);
    ana.post("/notes", note(&acme, "first")).await.expect(StatusCode::CREATED);
    ana.post("/activities", call(&acme)).await.expect(StatusCode::CREATED);
    let path = format!("/clients/{}", acme["id"].as_str().unwrap());
    let acme = ana.patch(&path, &acme, json!({ "rating": 5 })).await.expect(StatusCode::OK);
    let gone = ana.post("/notes", note(&acme, "gone")).await.expect(StatusCode::CREATED);
    ana.delete(&format!("/notes/{}", gone["id"].as_str().unwrap()), &gone).await;
    ana.post("/notes", note(&acme, "last")).await.expect(StatusCode::CREATED);

    let whole = timeline(&ana, &acme, "").await;
    assert_eq!(kinds(&whole), ["note", "change", "activity", "note", "change"]);
    assert_eq!(whole["data"][0]["data"]["body"], "last");
    assert_eq!(whole["data"][1]["data"]["after"], json!({ "rating": 5 }));
    assert_eq!(whole["data"][2]["data"]["summary"], "Offer");
    let mut pages = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let page = timeline(&ana, &acme, &query).await;
        pages.extend(page["data"].as_array().unwrap().clone());
        let Some(cursor) = page["page"]["next_cursor"].as_str() else { break };
        query = format!("?limit=2&cursor={cursor}");
    }
    assert_eq!(json!(pages), whole["data"], "page by page it is the same");
}

#[tokio::test]
async fn a_timeline_hides_what_its_reader_may_not_see() {
    let nexo = nexo().await;
    let ana = nexo.person(EVERYTHING).await;
    let ben = nexo.member(ana.account, "client:* note:read@own note:write").await;
    let max = nexo.member(ana.account, "client:read activity:read").await;
    let eve = nexo.member_without(ana.account, EVERYTHING, &["client.rating", "activity.outcome"]).await;
    let acme = client(&ana).await;
    ana.post("/notes", note(&acme, "of Ana")).await.expect(StatusCode::CREATED);
    ana.post("/activities", call(&acme)).await.expect(StatusCode::CREATED);
    ben.post("/notes", note(&acme, "of Ben")).await.expect(StatusCode::CREATED);

    assert_eq!(kinds(&timeline(&ana, &acme, "").await), ["note", "activity", "note", "change"]);
    let own = timeline(&ben, &acme, "").await;
    assert_eq!((kinds(&own), &own["data"][0]["data"]["body"]), (vec!["note", "change"], &json!("of Ben")));
    assert_eq!(kinds(&timeline(&max, &acme, "").await), ["activity", "change"]);
    let masked = timeline(&eve, &acme, "").await;
    assert_eq!(masked["data"][1]["data"]["summary"], "Offer");
    assert!(!masked.to_string().contains("rating") && !masked.to_string().contains("outcome"), "{masked}");

    let path = format!("/clients/{}/timeline", acme["id"].as_str().unwrap());
    for (person, status) in [
        (nexo.person(EVERYTHING).await, StatusCode::NOT_FOUND),
        (nexo.member(ana.account, "client:read@own note:read").await, StatusCode::NOT_FOUND),
        (nexo.member(ana.account, "note:read activity:read").await, StatusCode::FORBIDDEN),
    ] {
        assert_eq!(person.get(&path).await.status, status);
    }
}
