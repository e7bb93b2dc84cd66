use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Value, json};
use testkit::TestUser;

use crate::{ALL, made, nexo};

async fn some(count: usize) -> TestUser {
    let ana = nexo().await.person(ALL).await;
    for at in 0..count {
        let rating = if at % 3 == 0 { Value::Null } else { json!(at % 5 + 1) };
        let status = ["lead", "active"][at % 2];
        let client = json!({ "name": format!("Client {:02}", at % 7), "rating": rating, "status": status, "notes": "n" });
        assert_eq!(ana.post("/clients", client).await.status, StatusCode::CREATED);
    }
    ana
}

async fn all_pages(ana: &TestUser, query: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    for _ in 0..200 {
        let page = ana.get(&format!("/clients?limit={limit}{query}{cursor}")).await.expect(StatusCode::OK);
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= limit);
        all.extend(data.iter().cloned());
        match page["page"]["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
    panic!("the pages do not end");
}

#[tokio::test]
async fn pages_hold_every_record_once_in_the_order_asked_for() {
    let ana = some(23).await;
    for sort in [
        "",
        "name",
        "-name",
        "rating",
        "-rating",
        "rating,-name",
        "-status,rating",
        "updated_at",
        "-version,id",
    ] {
        let query = if sort.is_empty() { String::new() } else { format!("&sort={sort}") };
        let whole = all_pages(&ana, &query, 200).await;
        assert_eq!(whole.iter().map(|one| one["id"].to_string()).collect::<BTreeSet<_>>().len(), 23);
        for limit in [1, 7] {
            assert_eq!(all_pages(&ana, &query, limit).await, whole, "sort={sort} limit={limit}");
        }
        if let Some(key) = sort.split(',').next().filter(|key| !key.is_empty()) {
            in_order(&whole, key);
        }
    }
}

/// Checks the order of records; nulls sort last, as in PostgreSQL.
fn in_order(records: &[Value], key: &str) {
    let (name, descending) = key.strip_prefix('-').map_or((key, false), |name| (name, true));
    let value = |record: &Value| match &record[name] {
        Value::Null => (1, 0, String::new()),
        Value::Number(number) => (0, number.as_i64().unwrap(), String::new()),
        other => (0, 0, other.to_string()),
    };
    for pair in records.windows(2) {
        let (one, other) = (value(&pair[0]), value(&pair[1]));
        assert!(if descending { one >= other } else { one <= other }, "{key}: {one:?} before {other:?}");
    }
}

#[tokio::test]
async fn a_page_is_not_disturbed_by_what_is_added_meanwhile() {
    let ana = some(5).await;
    let first = ana.get("/clients?limit=3").await.expect(StatusCode::OK);
    let cursor = first["page"]["next_cursor"].as_str().unwrap();
    ana.post("/clients", json!({ "name": "late" })).await.expect(StatusCode::CREATED);
    let second = ana.get(&format!("/clients?limit=3&cursor={cursor}")).await.expect(StatusCode::OK);
    assert_eq!(second["data"].as_array().unwrap().len(), 2);
    assert_eq!(second["page"]["has_more"], false);
}

#[tokio::test]
async fn a_filter_finds_what_equals() {
    let ana = some(12).await;
    for (filter, expected) in [
        (r#"status[eq]:"active""#, 6),
        ("rating[eq]:2", 2),
        (r#"and(status[eq]:"active",rating[eq]:2)"#, 2),
        (r#"name[eq]:"Client 03""#, 2),
        (r#"name[eq]:"Robert'); drop table app.clients; --""#, 0),
        (r#"notes[eq]:"n""#, 12),
        ("version[eq]:1", 12),
    ] {
        let query = format!("&filter={}", encoded(filter));
        let found = all_pages(&ana, &query, 2).await;
        assert_eq!(found.len(), expected, "{filter}");
        let counted = ana.get(&format!("/clients?count=exact{query}")).await.expect(StatusCode::OK);
        assert_eq!(counted["page"]["total"], expected, "{filter}");
    }
}

#[tokio::test]
async fn a_list_counts_when_it_is_asked_to() {
    let ana = some(4).await;
    let page = |query: &'static str| ana.get(query);
    assert_eq!(page("/clients").await.expect(StatusCode::OK)["page"].get("total"), None);
    assert_eq!(page("/clients?count=exact&limit=1").await.expect(StatusCode::OK)["page"]["total"], 4);
    assert_eq!(page("/clients?count=capped").await.expect(StatusCode::OK)["page"]["total"], 4);
}

#[tokio::test]
async fn an_invalid_parameter_of_a_list_is_named() {
    let nexo = nexo().await;
    let (ana, ben) = (nexo.person(ALL).await, nexo.person(ALL).await);
    for person in [&ana, &ben] {
        for name in ["a", "b"] {
            person.post("/clients", json!({ "name": name })).await.expect(StatusCode::CREATED);
        }
    }
    let page = ana.get("/clients?limit=1&sort=name").await.expect(StatusCode::OK);
    let cursor = page["page"]["next_cursor"].as_str().unwrap();
    let tampered = format!("{}A", &cursor[..cursor.len() - 1]);
    let long = "x".repeat(5000);
    for (person, query, pointer) in [
        (&ana, "limit=0".to_owned(), "/limit"),
        (&ana, "limit=10001".to_owned(), "/limit"),
        (&ana, "limit=-1".to_owned(), "/limit"),
        (&ana, "limit=x".to_owned(), "/limit"),
        (&ana, "sort=nothing".to_owned(), "/sort"),
        (&ana, "sort=name,name".to_owned(), "/sort"),
        (&ana, "sort=".to_owned(), "/sort"),
        (&ana, "sort=name,email,phone,company,tax_id".to_owned(), "/sort"),
        (&ana, "count=all".to_owned(), "/count"),
        (&ana, "colour=red".to_owned(), "/colour"),
        (&ana, "cursor=nonsense".to_owned(), "/cursor"),
        (&ana, format!("cursor={cursor}"), "/cursor"), // of another sort
        (&ana, format!("sort=name&cursor={tampered}"), "/cursor"),
        (&ana, format!("sort=name&filter={}&cursor={cursor}", encoded(r#"status[eq]:"lead""#)), "/cursor"),
        (&ben, format!("sort=name&cursor={cursor}"), "/cursor"),
        (&ana, format!("filter={}", encoded(r"nothing[eq]:1")), "/filter"),
        (&ana, format!("filter={}", encoded(r#"name[like]:"a""#)), "/filter"),
        (&ana, format!("filter={}", encoded("name[eq]:5")), "/filter"),
        (&ana, format!("filter={}", encoded(r#"rating[eq]:"5""#)), "/filter"),
        (&ana, format!("filter={}", encoded(r#"status[eq]:"gone""#)), "/filter"),
        (&ana, format!("filter={}", encoded(r#"owner_id[eq]:"me""#)), "/filter"),
        (&ana, format!("filter={}", encoded(r"name[eq]:null")), "/filter"),
        (&ana, format!("filter={}", encoded("name[eq]:\"a\\u0000b\"")), "/filter"),
        (&ana, format!("filter={}", encoded(r#"and(name[eq]:"a""#)), "/filter"),
        (&ana, format!("filter={}", encoded(r#"name[eq]:"a")"#)), "/filter"),
        (&ana, format!("filter={}", encoded(&"and(".repeat(9))), "/filter"),
        (&ana, format!("filter={long}"), "/filter"),
        (&ana, "filter=%FF%FE".to_owned(), "/filter"),
    ] {
        let problem = person.get(&format!("/clients?{query}")).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}: {problem}");
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn names_are_taken_once_and_no_more_than_there_are() {
    let ana = nexo().await.person("client:read client:write project:read project:write").await;
    let client = made(&ana, "/clients", json!({ "name": "Acme" })).await;
    made(&ana, "/projects", json!({ "client_id": client["id"], "name": "Roof", "code": "P-1" })).await;
    let asked = |body: Value| ana.post("/projects/search", body);
    let once = asked(json!({ "expand": ["client"], "fields": ["name"] })).await.expect(StatusCode::OK);
    let again = asked(json!({ "expand": vec!["client"; 20], "fields": vec!["name"; 100] })).await;
    assert_eq!(again.expect(StatusCode::OK), once);
    assert_eq!(once["data"][0]["client"]["name"], "Acme");
    for body in [
        json!({ "expand": vec!["client"; 70_000] }),
        json!({ "fields": vec!["name"; 101] }),
        json!({ "sort": vec!["name"; 200].join(",") }),
        json!({ "limit": 201 }),
        json!({ "filter": { "and": vec![json!({ "field": "name", "op": "contains", "value": "a" }); 9] } }),
        json!({ "filter": { "field": "name", "op": "eq", "value": "a".repeat(2_001) } }),
    ] {
        asked(body).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    }
}
