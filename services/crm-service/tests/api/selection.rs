//! Bulk writes by filter, in two steps: preview and execution.

use http::StatusCode;
use serde_json::{Value, json};
use testkit::TestUser;

use crate::{ALL, nexo};

async fn clients(person: &TestUser, count: usize, more: Value) {
    let one = |n: usize| {
        let mut client = json!({ "name": format!("Client {n:03}") });
        client.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        client
    };
    let items: Vec<_> = (0..count).map(one).collect();
    let body = json!({ "operation": "create", "items": items });
    person.post("/clients/bulk", body).await.expect(StatusCode::OK);
}

fn rated(rating: i32) -> Value {
    json!({ "field": "rating", "op": "eq", "value": rating })
}

fn update(filter: &Value, patch: Value) -> Value {
    let mut wish = json!({ "filter": filter, "operation": "update" });
    wish["patch"] = patch;
    wish
}

/// Requests a preview and returns the body that executes it.
async fn previewed(person: &TestUser, wish: &Value) -> Value {
    let shown = person.post("/clients/bulk/preview", wish.clone()).await.expect(StatusCode::OK);
    let mut order = wish.clone();
    order["selection"] = shown["selection"].clone();
    order["expected_count"] = shown["count"].clone();
    order
}

async fn total(person: &TestUser, filter: &str) -> Value {
    let page = person.get(&format!("/clients?count=exact&filter={filter}")).await.expect(StatusCode::OK);
    page["page"]["total"].clone()
}

#[tokio::test]
async fn what_a_filter_selects_is_written_at_once() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    clients(&ana, 500, json!({ "rating": 2 })).await;
    clients(&ana, 203, json!({ "rating": 2 })).await;
    clients(&ana, 3, json!({ "rating": 5 })).await;
    let wish = update(&rated(2), json!({ "rating": 4 }));
    let order = previewed(&ana, &wish).await;
    assert_eq!(order["expected_count"], 703);
    let applied = ana.post_once("/clients/bulk/apply", "one", order.clone()).await;
    assert_eq!(applied.expect(StatusCode::OK), json!({ "count": 703 }));
    let again = ana.post_once("/clients/bulk/apply", "one", order.clone()).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(total(&ana, "and(rating%5Beq%5D:4,version%5Beq%5D:2)").await, 703);
    assert_eq!(total(&ana, "rating%5Beq%5D:5").await, 3);
    let late = ana.post("/clients/bulk/apply", order).await.expect(StatusCode::CONFLICT);
    assert_eq!(late["code"], "selection-changed");

    let order = previewed(&ana, &json!({ "filter": rated(4), "operation": "delete" })).await;
    ana.post("/clients/bulk/apply", order).await.expect(StatusCode::OK);
    assert_eq!(ana.get("/clients?count=exact").await.expect(StatusCode::OK)["page"]["total"], 3);
    let mut look = nexo.ground.database.look().await;
    let actions: Vec<(String, i64)> =
        sqlx::query_as("select action, count(*) from app.audit_log group by action order by action")
            .fetch_all(&mut look)
            .await
            .unwrap();
    let expected = [("changed", 703), ("created", 706), ("removed", 703)];
    assert_eq!(actions, expected.map(|(action, count)| (action.to_owned(), count)));
}

#[tokio::test]
async fn only_what_was_shown_is_done() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    let ben = nexo.member(ana.account, ALL).await;
    let eve = nexo.person(ALL).await;
    clients(&ana, 2, json!({ "rating": 2 })).await;
    let order = previewed(&ana, &update(&rated(2), json!({ "rating": 4 }))).await;
    let with = |field: &str, value: Value| {
        let mut order = order.clone();
        order[field] = value;
        order
    };
    let mut removal = with("operation", json!("delete"));
    removal["patch"].take();
    let sealed = order["selection"].as_str().unwrap();
    for (who, order) in [
        (&ana, with("filter", rated(5))),
        (&ana, with("patch", json!({ "rating": 1 }))),
        (&ana, with("selection", json!(format!("{sealed}A")))),
        (&ana, with("selection", json!(""))),
        (&ana, removal),
        (&ben, order.clone()),
        (&eve, order.clone()),
    ] {
        let refused = who.post("/clients/bulk/apply", order).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused["code"], "selection-mismatch");
    }
    clients(&ana, 1, json!({ "rating": 2 })).await;
    let changed = ana.post("/clients/bulk/apply", order.clone()).await.expect(StatusCode::CONFLICT);
    assert_eq!(changed["errors"][0]["pointer"], "/expected_count");
    assert_eq!(total(&ana, "version%5Bgt%5D:1").await, 0, "nothing has changed");
}

#[tokio::test]
async fn a_selection_has_the_reach_and_the_sight_of_its_person() {
    let nexo = nexo().await;
    let ana = nexo.person("client:*").await;
    let ben = nexo.member(ana.account, "client:read client:write@own").await;
    let eve = nexo.member_without(ana.account, "client:*", &["client.rating"]).await;
    clients(&ana, 2, json!({ "rating": 2 })).await;
    clients(&ana, 1, json!({ "rating": 2, "owner_id": ben.user })).await;
    let order = previewed(&ben, &update(&rated(2), json!({ "rating": 3 }))).await;
    assert_eq!(order["expected_count"], 1, "what may be changed, not what may be seen");
    ben.post("/clients/bulk/apply", order).await.expect(StatusCode::OK);
    let away = previewed(&ben, &update(&rated(3), json!({ "owner_id": ana.user }))).await;
    assert_eq!(ben.post("/clients/bulk/apply", away).await.status, StatusCode::FORBIDDEN);
    let removal = json!({ "filter": rated(2), "operation": "delete" });
    assert_eq!(ben.post("/clients/bulk/preview", removal).await.status, StatusCode::FORBIDDEN);
    let named = json!({ "field": "name", "op": "eq", "value": "Client 000" });
    for (person, wish) in [
        (&eve, update(&rated(2), json!({ "phone": "1" }))),
        (&eve, update(&named, json!({ "rating": 1 }))),
        (&ana, update(&Value::Null, json!({ "rating": 1 }))),
        (&ana, update(&named, json!([]))),
        (&ana, json!({ "filter": named, "operation": "delete", "patch": {} })),
    ] {
        let answer = person.post("/clients/bulk/preview", wish.clone()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wish}");
    }
    let invalid = update(&named, json!({ "rating": 9 }));
    let problem = ana.post("/clients/bulk/preview", invalid).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["pointer"], "/patch/rating");
}

#[tokio::test]
async fn a_patch_that_only_some_records_take_is_refused_when_it_is_applied() {
    let nexo = nexo().await;
    let ana = nexo.person("client:*").await;
    clients(&ana, 1, json!({ "rating": 4 })).await;
    clients(&ana, 1, json!({ "rating": 4, "credit_limit": "10.00", "currency": "EUR" })).await;
    let order = previewed(&ana, &update(&rated(4), json!({ "currency": null }))).await;
    assert_eq!(order["expected_count"], 2);
    let problem = ana.post("/clients/bulk/apply", order).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["pointer"], "/currency");
    let left = ana.get("/clients?filter=currency[eq]:%22EUR%22").await.expect(StatusCode::OK);
    assert_eq!(left["data"].as_array().unwrap().len(), 1, "nothing was written");
}
