//! Bulk writes: many records in one request.

use http::StatusCode;
use serde_json::{Value, json};
use testkit::{TestResponse, TestUser};
use uuid::Uuid;

use crate::{ALL, nexo};

async fn bulk(person: &TestUser, operation: &str, items: &[Value]) -> TestResponse {
    person.post("/clients/bulk", json!({ "operation": operation, "items": items })).await
}

/// Sends a non-atomic bulk request and returns the result of each item.
async fn each(person: &TestUser, operation: &str, items: &[Value]) -> Vec<Value> {
    let body = json!({ "operation": operation, "items": items, "atomic": false });
    let answer = person.post("/clients/bulk", body).await.expect(StatusCode::MULTI_STATUS);
    answer["data"].as_array().unwrap().clone()
}

fn numbered(count: usize) -> Vec<Value> {
    (0..count).map(|n| json!({ "name": format!("Client {n:03}"), "tax_id": format!("B-{n}") })).collect()
}

async fn made(person: &TestUser, count: usize) -> Vec<Value> {
    let answer = bulk(person, "create", &numbered(count)).await.expect(StatusCode::OK);
    answer["data"].as_array().unwrap().iter().map(|one| one["record"].clone()).collect()
}

async fn total(person: &TestUser) -> Value {
    person.get("/clients?count=exact").await.expect(StatusCode::OK)["page"]["total"].clone()
}

fn seen(record: &Value) -> Value {
    json!({ "id": record["id"], "version": record["version"] })
}

fn change(record: &Value, patch: Value) -> Value {
    let mut item = seen(record);
    item["patch"] = patch;
    item
}

fn statuses(results: &[Value]) -> Vec<u64> {
    results.iter().map(|one| one["status"].as_u64().unwrap()).collect()
}

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|one| one["pointer"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn five_hundred_are_written_at_once_and_no_more() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    let records = made(&ana, 500).await;
    for (n, record) in records.iter().enumerate() {
        assert_eq!(record["name"], format!("Client {n:03}"), "in the order of the items");
    }
    let first = format!("/clients/{}", records[0]["id"].as_str().unwrap());
    assert_eq!(ana.get(&first).await.expect(StatusCode::OK), records[0], "as if it had been made alone");

    let changes: Vec<_> =
        records.iter().map(|one| change(one, json!({ "rating": 4, "tax_id": null }))).collect();
    let changed = bulk(&ana, "update", &changes).await.expect(StatusCode::OK);
    let last = &changed["data"][499]["record"];
    assert_eq!((&last["version"], &last["rating"], &last["tax_id"]), (&json!(2), &json!(4), &Value::Null));
    assert_eq!(last["name"], "Client 499");

    let gone: Vec<_> = changed["data"].as_array().unwrap().iter().map(|one| seen(&one["record"])).collect();
    let removed = bulk(&ana, "delete", &gone).await.expect(StatusCode::OK);
    assert_eq!(removed["data"][7], json!({ "status": 204 }));
    assert_eq!(total(&ana).await, 0);
    let back: Vec<_> = records.iter().map(|one| json!({ "id": one["id"] })).collect();
    let restored = bulk(&ana, "restore", &back).await.expect(StatusCode::OK);
    assert_eq!(restored["data"][499]["record"]["version"], 4);
    assert_eq!(total(&ana).await, 500);

    let history = ana.get(&format!("{first}/history")).await.expect(StatusCode::OK);
    let steps = history["data"].as_array().unwrap();
    let actions: Vec<_> = steps.iter().map(|step| step["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["restored", "removed", "changed", "created"]);
    assert_eq!(steps[2]["before"], json!({ "rating": null, "tax_id": "B-0" }));
    assert_eq!(steps[2]["after"], json!({ "rating": 4, "tax_id": null }));
    let mut look = nexo.ground.database.look().await;
    let events: i64 =
        sqlx::query_scalar("select count(*) from app.outbox").fetch_one(&mut look).await.unwrap();
    assert_eq!(events, 2_000, "one for each step of each");

    for count in [0, 501] {
        let problem = bulk(&ana, "create", &numbered(count)).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(pointers(&problem), ["/items"]);
    }
}

#[tokio::test]
async fn a_batch_is_done_whole_or_not_at_all_and_every_bad_item_is_named() {
    let ana = nexo().await.person(ALL).await;
    let records = made(&ana, 3).await;
    let form = [
        json!({ "name": "good" }),
        json!({ "name": "" }),
        json!({ "rating": 3 }),
        json!({ "name": "a", "nickname": "b" }),
        json!("nothing"),
    ];
    let problem = bulk(&ana, "create", &form).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["code"], "invalid");
    assert_eq!(pointers(&problem), ["/items/1/name", "/items/2/name", "/items/3/nickname", "/items/4"]);

    let taken = [
        json!({ "name": "a", "tax_id": "B-0" }),
        json!({ "name": "b", "tax_id": "C-1" }),
        json!({ "name": "c", "tax_id": "C-1" }),
    ];
    let problem = bulk(&ana, "create", &taken).await.expect(StatusCode::CONFLICT);
    assert_eq!(problem["code"], "bulk-items-failed");
    assert_eq!(pointers(&problem), ["/items/0/tax_id", "/items/2/tax_id"]);
    assert_eq!(problem["errors"][0]["code"], "client-tax-id-taken");

    let mut old = records[0].clone();
    old["version"] = json!(7);
    let stale = [change(&old, json!({})), change(&records[1], json!({ "rating": 1 }))];
    let problem = bulk(&ana, "update", &stale).await.expect(StatusCode::PRECONDITION_FAILED);
    assert_eq!(pointers(&problem), ["/items/0/version"]);

    let mixed = [
        change(&records[0], json!({ "tax_id": "B-1" })),
        change(&old, json!({})),
        change(&records[1], json!({ "rating": 9 })),
        change(&records[2], json!({ "credit_limit": "5" })),
        json!({ "id": Uuid::now_v7(), "version": 1, "patch": {} }),
        json!({ "id": Uuid::now_v7(), "version": 1, "patch": [] }),
    ];
    let problem = bulk(&ana, "update", &mixed).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(pointers(&problem), ["/items/1/id", "/items/5/patch"], "what shows without the database");
    let mixed = [&mixed[..1], &mixed[2..5]].concat();
    let problem = bulk(&ana, "update", &mixed).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let expected =
        ["/items/0/patch/tax_id", "/items/1/patch/rating", "/items/2/patch/currency", "/items/3/id"];
    assert_eq!(pointers(&problem), expected);

    assert_eq!(total(&ana).await, 3);
    let page = ana.get("/clients?filter=version%5Bgt%5D:1").await.expect(StatusCode::OK);
    assert_eq!(page["data"], json!([]), "nothing has changed");
}

#[tokio::test]
async fn without_atomic_a_bad_item_stops_no_other() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    let records = made(&ana, 4).await;
    let mut items = numbered(60); // of which four are taken
    items[30] = json!({ "name": "" });
    items[40] = json!({ "name": "x", "tax_id": "B-41" }); // which takes that of the next
    let results = each(&ana, "create", &items).await;
    let bad: Vec<_> = (0..60).filter(|at| results[*at]["status"] != 201).collect();
    assert_eq!(bad, [0, 1, 2, 3, 30, 41]);
    assert_eq!(results[2]["problem"]["errors"][0]["pointer"], "/items/2/tax_id");
    assert_eq!(results[30]["problem"]["errors"][0]["pointer"], "/items/30/name");
    assert_eq!(results[41]["problem"]["code"], "client-tax-id-taken");
    assert_eq!(total(&ana).await, 58);
    let mut look = nexo.ground.database.look().await;
    let kept: i64 =
        sqlx::query_scalar("select count(*) from app.audit_log").fetch_one(&mut look).await.unwrap();
    assert_eq!(kept, 58, "what was not done has no history");

    let mut old = records[1].clone();
    old["version"] = json!(9);
    let changes = [
        change(&records[0], json!({ "rating": 5 })),
        change(&old, json!({ "rating": 5 })),
        json!({ "id": Uuid::now_v7(), "version": 1, "patch": {} }),
        change(&records[2], json!({ "tax_id": "B-3" })),
        change(&records[3], json!({ "phone": "1" })),
    ];
    let results = each(&ana, "update", &changes).await;
    assert_eq!(statuses(&results), [200, 412, 404, 409, 200]);
    assert_eq!(results[1]["problem"]["current"], records[1], "a stale write is told what is there now");
    let results = each(&ana, "delete", &[seen(&records[1]), seen(&records[0])]).await;
    assert_eq!(statuses(&results), [204, 412]);
    let back = [json!({ "id": records[1]["id"] }), json!({ "id": records[0]["id"] })];
    assert_eq!(statuses(&each(&ana, "restore", &back).await), [200, 404]);
}

#[tokio::test]
async fn records_of_another_account_are_not_found() {
    let nexo = nexo().await;
    let (ana, eve) = (nexo.person(ALL).await, nexo.person(ALL).await);
    let records = made(&ana, 1).await;
    for (operation, item) in [
        ("update", change(&records[0], json!({ "name": "stolen" }))),
        ("delete", seen(&records[0])),
        ("restore", json!({ "id": records[0]["id"] })),
    ] {
        let problem = bulk(&eve, operation, std::slice::from_ref(&item)).await.expect(StatusCode::NOT_FOUND);
        assert_eq!(pointers(&problem), ["/items/0/id"], "{operation}");
        assert_eq!(statuses(&each(&eve, operation, &[item]).await), [404], "{operation}");
    }
    let path = format!("/clients/{}", records[0]["id"].as_str().unwrap());
    assert_eq!(ana.get(&path).await.expect(StatusCode::OK), records[0]);
}

#[tokio::test]
async fn each_operation_needs_its_permission() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    let records = made(&ana, 1).await;
    let writer = nexo.member(ana.account, "client:read client:write").await;
    let remover = nexo.member(ana.account, "client:read client:delete").await;
    let reader = nexo.member(ana.account, "client:read").await;
    let (create, remove) = ([json!({ "name": "a" })], [seen(&records[0])]);
    assert_eq!(bulk(&writer, "delete", &remove).await.status, StatusCode::FORBIDDEN);
    assert_eq!(bulk(&remover, "create", &create).await.status, StatusCode::FORBIDDEN);
    assert_eq!(reader.post("/clients/bulk", json!("unread")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(bulk(&writer, "create", &create).await.status, StatusCode::OK);
    assert_eq!(bulk(&remover, "delete", &remove).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_batch_with_own_scope_writes_only_own_records() {
    let nexo = nexo().await;
    let ana = nexo.person("client:*").await;
    let own = "client:read@own client:write@own client:delete@own";
    let ben = nexo.member(ana.account, own).await;
    let theirs = made(&ana, 2).await;
    let mine = bulk(&ben, "create", &[json!({ "name": "New" }), json!({ "name": "Also" })]).await;
    let mine = mine.expect(StatusCode::OK)["data"][0]["record"].clone();
    assert_eq!(mine["owner_id"], json!(ben.user), "without an owner it is theirs");

    let given = [json!({ "name": "a" }), json!({ "name": "Given", "owner_id": ana.user })];
    let problem = bulk(&ben, "create", &given).await.expect(StatusCode::FORBIDDEN);
    assert_eq!(
        (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
        (&json!("/items/1"), &json!("outside-scope"))
    );
    assert_eq!(statuses(&each(&ben, "create", &given).await), [201, 403]);

    let away = [change(&mine, json!({ "owner_id": ana.user })), change(&theirs[0], json!({ "rating": 1 }))];
    assert_eq!(statuses(&each(&ben, "update", &away).await), [403, 404]);
    assert_eq!(statuses(&each(&ben, "delete", &[seen(&theirs[1]), seen(&mine)]).await), [404, 204]);
    assert_eq!(bulk(&ana, "delete", &[seen(&theirs[1])]).await.status, StatusCode::OK);
    let back = [json!({ "id": theirs[1]["id"] }), json!({ "id": mine["id"] })];
    assert_eq!(statuses(&each(&ben, "restore", &back).await), [404, 200]);
}

#[tokio::test]
async fn a_hidden_field_shows_in_no_batch_and_is_written_by_none() {
    let nexo = nexo().await;
    let ana = nexo.person("client:*").await;
    let eve = nexo.member_without(ana.account, "client:*", &["client.credit_limit"]).await;
    let client = json!({ "name": "Acme", "credit_limit": "1500.00", "currency": "EUR" });
    let made = ana.post("/clients", client.clone()).await.expect(StatusCode::CREATED);
    for (operation, item, pointer) in [
        ("create", client, "/items/0/credit_limit"),
        ("update", change(&made, json!({ "credit_limit": null })), "/items/0/patch/credit_limit"),
    ] {
        let problem = bulk(&eve, operation, &[item]).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(
            (pointers(&problem)[0], &problem["errors"][0]["code"]),
            (pointer, &json!("unknown-field"))
        );
    }
    let changed = bulk(&eve, "update", &[change(&made, json!({ "rating": 4 }))]).await.expect(StatusCode::OK);
    let stale = each(&eve, "update", &[change(&made, json!({ "rating": 4 }))]).await;
    for shown in [&changed["data"][0]["record"], &stale[0]["problem"]["current"]] {
        assert_eq!(shown["currency"], "EUR");
        assert!(shown.get("credit_limit").is_none(), "{shown}");
    }
    let path = format!("/clients/{}", made["id"].as_str().unwrap());
    assert_eq!(ana.get(&path).await.expect(StatusCode::OK)["credit_limit"], "1500.00", "it is still there");
}

#[tokio::test]
async fn a_batch_that_is_sent_again_is_done_once() {
    let ana = nexo().await.person(ALL).await;
    let body = json!({ "operation": "create", "items": numbered(3) });
    let first = ana.post_once("/clients/bulk", "one", body.clone()).await;
    let again = ana.post_once("/clients/bulk", "one", body.clone()).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(first.expect(StatusCode::OK), again.expect(StatusCode::OK));
    assert_eq!(total(&ana).await, 3);
    let other = json!({ "operation": "create", "items": numbered(3), "atomic": false });
    let reused = ana.post_once("/clients/bulk", "one", other.clone()).await;
    assert_eq!(reused.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "idempotency-key-reused");
    ana.post_once("/clients/bulk", "two", other.clone()).await.expect(StatusCode::MULTI_STATUS);
    let again = ana.post_once("/clients/bulk", "two", other).await;
    assert_eq!(again.status, StatusCode::MULTI_STATUS);
    assert_eq!(again.body["data"][0]["status"], 409);
}

#[tokio::test]
async fn a_record_stands_in_one_item() {
    let ana = nexo().await.person(ALL).await;
    let records = made(&ana, 1).await;
    let twice = [change(&records[0], json!({ "rating": 1 })), change(&records[0], json!({ "rating": 2 }))];
    let problem = bulk(&ana, "update", &twice).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(pointers(&problem), ["/items/1/id"]);
    assert_eq!(statuses(&each(&ana, "update", &twice).await), [200, 422]);
}
