//! The schema that an account shows to programs: what it says is what the service does.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::TestUser;

use crate::nexo;

const OPERATORS: [&str; 11] =
    ["eq", "ne", "lt", "lte", "gt", "gte", "in", "nin", "is", "contains", "starts_with"];

async fn resources(person: &TestUser) -> Vec<Value> {
    let schema = person.get("/schema").await.expect(StatusCode::OK);
    schema["resources"].as_array().unwrap().clone()
}

async fn fields(person: &TestUser, resource: &str) -> Vec<Value> {
    let resources = resources(person).await;
    let resource = resources.iter().find(|one| one["name"] == resource).unwrap();
    resource["fields"].as_array().unwrap().clone()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap()
}

/// A value of this kind, for a filter.
fn sample(field: &Value) -> Value {
    match text(field, "kind") {
        "integer" => json!(1),
        "amount" => json!("1.00"),
        "id" => json!("00000000-0000-7000-8000-000000000000"),
        "instant" => json!("2026-01-31T00:00:00Z"),
        "date" => json!("2026-01-31"),
        "boolean" => json!(true),
        "choice" => field["words"][0].clone(),
        _ => json!("a"),
    }
}

#[tokio::test]
async fn lists_sort_and_filter_by_what_the_schema_says_and_by_nothing_else() {
    let ana = nexo().await.person("*:*").await;
    for resource in resources(&ana).await {
        let path = text(&resource, "path").strip_prefix("/api/v1").unwrap();
        for field in resource["fields"].as_array().unwrap() {
            let name = text(field, "name");
            let sorted = ana.get(&format!("{path}?sort={name}")).await;
            assert_eq!(sorted.status == StatusCode::OK, field["sortable"] == true, "{path} by {name}");
            for operator in OPERATORS {
                let value = match operator {
                    "is" => Value::Null,
                    "in" | "nin" => json!([sample(field)]),
                    _ => sample(field),
                };
                let filter = json!({ "filter": { "field": name, "op": operator, "value": value } });
                let found = ana.post(&format!("{path}/search"), filter).await;
                let is_known = field["operators"].as_array().unwrap().contains(&json!(operator));
                assert_eq!(found.status == StatusCode::OK, is_known, "{path}: {name}[{operator}]");
            }
        }
    }
}

#[tokio::test]
async fn what_a_new_record_must_have_and_its_defaults_are_those_of_the_schema() {
    let ana = nexo().await.person("*:*").await;
    for resource in resources(&ana).await {
        let path = text(&resource, "path").strip_prefix("/api/v1").unwrap();
        let refused = ana.post(path, json!({})).await;
        let needed = resource["fields"].as_array().unwrap().iter().filter(|field| field["required"] == true);
        let mut needed: Vec<String> = needed.map(|field| format!("/{}", text(field, "name"))).collect();
        if needed.is_empty() {
            continue;
        }
        let problem = refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
        let errors = problem["errors"].as_array().unwrap();
        let mut named: Vec<String> = errors.iter().map(|error| text(error, "pointer").to_owned()).collect();
        needed.sort_unstable();
        named.sort_unstable();
        assert_eq!(named, needed, "{path}");
    }
    let made = ana.post("/clients", json!({ "name": "Acme" })).await.expect(StatusCode::CREATED);
    for field in fields(&ana, "client").await.iter().filter(|field| field["writable"] == true) {
        let default = if text(field, "name") == "name" { &json!("Acme") } else { &field["default"] };
        assert_eq!(&made[text(field, "name")], default, "{field}");
    }
}

#[tokio::test]
async fn limits_words_states_and_references_are_described() {
    let ana = nexo().await.person("*:*").await;
    let of =
        |fields: &[Value], name: &str| fields.iter().find(|field| field["name"] == name).unwrap().clone();
    let client = fields(&ana, "client").await;
    let name = of(&client, "name");
    assert_eq!(name["limits"], json!({ "min_length": 1, "max_length": 200 }));
    assert_eq!((&name["label"], &name["nullable"]), (&json!("Name"), &json!(false)));
    assert!(text(&name, "help").starts_with("Name of the business"), "{name}");
    assert_eq!(of(&client, "rating")["limits"], json!({ "minimum": 1.0, "maximum": 5.0 }));
    assert_eq!(of(&client, "status")["words"], json!(["lead", "active", "inactive"]));
    assert_eq!(of(&client, "status")["transitions"], Value::Null);
    let owner = of(&client, "owner_id");
    assert_eq!((&owner["label"], &owner["refers_to"]), (&json!("Owner"), &json!("member")));
    assert_eq!(of(&client, "version")["writable"], false);
    let project = fields(&ana, "project").await;
    assert_eq!(of(&project, "client_id")["refers_to"], "client");
    assert_eq!(of(&project, "status")["transitions"]["completed"], json!([]));
    assert_eq!(of(&project, "status")["transitions"]["planned"], json!(["active", "cancelled"]));
}

#[tokio::test]
async fn hidden_fields_and_resources_without_rights_are_not_described() {
    let nexo = nexo().await;
    let ana = nexo.person("*:*").await;
    let hidden = ["client.credit_limit", "contact.client_id", "client.owner_id"];
    let bo = nexo.member_without(ana.account, "client:read client:write@own contact:read", &hidden).await;
    let seen = resources(&bo).await;
    let names: Vec<&str> = seen.iter().map(|resource| text(resource, "name")).collect();
    assert_eq!(names, ["client", "contact"]);
    assert_eq!(seen[0]["permissions"], json!({ "read": "all", "write": "own" }));
    assert_eq!(seen[0]["owner"], Value::Null);
    let told = serde_json::to_string(&seen).unwrap();
    assert!(!told.contains("credit_limit") && !told.contains("client_id"), "{told}");
    // The suppliers of contacts may not be read, so the relation leads nowhere.
    assert_eq!(seen[1]["relations"], json!([]));
}

#[tokio::test]
async fn the_schema_is_sent_again_only_when_it_has_changed() {
    let nexo = nexo().await;
    let ana = nexo.person("*:*").await;
    let first = ana.get("/schema").await;
    let tag = first.header("etag").unwrap().to_owned();
    let again = ana.send_raw(Method::GET, "/api/v1/schema", &[("if-none-match", &tag)], "").await;
    assert_eq!((again.status, again.text().is_empty()), (StatusCode::NOT_MODIFIED, true));
    let bo = nexo.member_without(ana.account, "*:*", &["client.notes"]).await;
    let other = bo.send_raw(Method::GET, "/api/v1/schema", &[("if-none-match", &tag)], "").await;
    assert_eq!(other.status, StatusCode::OK, "it is another person's view");
}
