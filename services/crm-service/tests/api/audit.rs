//! The audit log: all changes in the account, for auditors.

use http::StatusCode;
use serde_json::{Value, json};
use testkit::TestUser;

use crate::{ALL, exports::download, nexo};

async fn log(person: &TestUser, query: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = person.get(&format!("/audit-log?limit=3{query}{cursor}")).await.expect(StatusCode::OK);
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page["page"]["next_cursor"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

fn told(entries: &[Value]) -> Vec<String> {
    let word = |entry: &Value, field: &str| entry[field].as_str().unwrap().to_owned();
    entries.iter().map(|entry| format!("{} {}", word(entry, "resource"), word(entry, "action"))).collect()
}

#[tokio::test]
async fn what_was_done_is_found_by_who_what_where_and_when() {
    let nexo = nexo().await;
    let ana = nexo.person("*:*").await;
    let ben = nexo.member(ana.account, ALL).await;
    let client = ana.post("/clients", json!({ "name": "Acme" })).await.expect(StatusCode::CREATED);
    let path = format!("/clients/{}", client["id"].as_str().unwrap());
    let changed = ben.patch(&path, &client, json!({ "rating": 5 })).await.expect(StatusCode::OK);
    ben.delete(&path, &changed).await.expect(StatusCode::NO_CONTENT);
    for n in 0..4 {
        ana.post("/suppliers", json!({ "name": format!("Supplier {n}") })).await.expect(StatusCode::CREATED);
    }

    let all = log(&ana, "").await;
    assert_eq!(
        told(&all),
        [&["supplier created"; 4][..], &["client removed", "client changed", "client created"]].concat()
    );
    assert_eq!((&all[5]["before"], &all[5]["after"]), (&json!({ "rating": null }), &json!({ "rating": 5 })));
    assert!(all.iter().all(|entry| entry["chain_id"].is_string() && entry["link"].is_u64()), "{all:?}");
    for (query, count) in [
        (format!("&actor={}", ben.user), 2),
        (format!("&actor={}&action=changed", ben.user), 1),
        ("&resource=supplier".to_owned(), 4),
        (format!("&record_id={}", client["id"].as_str().unwrap()), 3),
        (format!("&record_id={}&actor={}", client["id"].as_str().unwrap(), ana.user), 1),
        ("&from=2100-01-01T00:00:00Z".to_owned(), 0),
        ("&until=2100-01-01T00:00:00Z".to_owned(), 7),
        ("&action=purged".to_owned(), 0),
    ] {
        assert_eq!(log(&ana, &query).await.len(), count, "{query}");
    }
    let stranger = nexo.person("*:*").await;
    assert_eq!(log(&stranger, "").await, [] as [Value; 0]);
}

#[tokio::test]
async fn without_access_to_a_record_its_audit_entry_has_no_values() {
    let nexo = nexo().await;
    let ana = nexo.person("*:*").await;
    ana.post("/clients", json!({ "name": "Acme", "credit_limit": "5", "currency": "EUR" }))
        .await
        .expect(StatusCode::CREATED);
    ana.post("/suppliers", json!({ "name": "Mill" })).await.expect(StatusCode::CREATED);
    let auditor =
        nexo.member_without(ana.account, "audit_log:read client:read", &["client.credit_limit"]).await;
    let seen = log(&auditor, "").await;
    assert_eq!(told(&seen), ["supplier created", "client created"]);
    assert_eq!(seen[0]["after"], Value::Null);
    assert_eq!((&seen[1]["after"]["name"], seen[1]["after"].get("credit_limit")), (&json!("Acme"), None));
    let own = nexo.member(ana.account, "audit_log:read client:read@own").await;
    assert_eq!(log(&own, "").await[1]["after"], Value::Null, "some clients are not theirs");
    let ben = nexo.member(ana.account, ALL).await;
    for path in ["/audit-log", "/audit-log/export"] {
        assert_eq!(ben.get(path).await.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn the_log_is_exported_as_it_is_listed() {
    let nexo = nexo().await;
    let ana = nexo.person("*:*").await;
    let items: Vec<_> = (0..500).map(|n| json!({ "name": format!("=Client {n}") })).collect();
    for _ in 0..3 {
        let bulk = json!({ "operation": "create", "items": items });
        ana.post("/clients/bulk", bulk).await.expect(StatusCode::OK);
    }
    let (.., file) = download(&nexo, &ana, "/audit-log/export?format=ndjson&resource=client").await;
    let file = String::from_utf8(file).unwrap();
    let ids: std::collections::BTreeSet<String> = file
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["record_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((file.lines().count(), ids.len()), (1_500, 1_500), "two pages, each entry once");
    let (_, _, name, csv) = download(&nexo, &ana, "/audit-log/export").await;
    assert!(name.starts_with("attachment; filename=\"audit-log-20"), "{name}");
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.starts_with(
        "id,at,actor,action,resource,record_id,version,before,after,request_id,chain_id,link\r\n"
    ));
    assert_eq!(csv.lines().count(), 1_501);
}
