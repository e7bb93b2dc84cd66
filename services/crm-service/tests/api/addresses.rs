//! Web addresses in all records: front-ends render them as links.

use http::StatusCode;
use serde_json::{Map, Value, json};
use testkit::TestUser;
use utoipa::openapi::OpenApi;
use uuid::Uuid;

use crate::nexo;

/// A text field of a request body, and an otherwise minimal body with a placeholder for it.
struct Place {
    path: String,
    pointer: String,
    body: Value,
}

/// Resolves the references of a schema.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return resolved(document, &document["components"]["schemas"][name]);
    }
    let either = schema["oneOf"].as_array().into_iter().flatten();
    let some = either.filter(|one| one["type"] != "null").map(|one| resolved(document, one)).next();
    some.unwrap_or(schema)
}

/// Generates a value that matches the schema.
fn formed(document: &Value, schema: &Value) -> Value {
    let schema = resolved(document, schema);
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    match (kind(schema), schema["format"].as_str()) {
        ("string", Some("uuid")) => json!(Uuid::now_v7()),
        ("string", Some("date-time")) => json!("2026-06-01T09:00:00Z"),
        ("string", Some("date")) => json!("2026-06-01"),
        ("string", _) => json!("x"),
        ("boolean", _) => json!(false),
        ("integer" | "number", _) => json!(1),
        ("array", _) => json!([]),
        _ => required(document, schema),
    }
}

fn kind(schema: &Value) -> &str {
    let either = schema["type"].as_array().into_iter().flatten();
    either
        .filter_map(Value::as_str)
        .find(|one| *one != "null")
        .or(schema["type"].as_str())
        .unwrap_or("object")
}

fn required(document: &Value, schema: &Value) -> Value {
    let names = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Value::Object(
        names.map(|name| (name.to_owned(), formed(document, &schema["properties"][name]))).collect(),
    )
}

/// Collects every text field of the schema at any depth, each with a body that sets it.
fn texts(
    document: &Value,
    schema: &Value,
    pointer: &str,
    wrap: &dyn Fn(Value) -> Value,
    found: &mut Vec<(String, Value)>,
) {
    let schema = resolved(document, schema);
    match kind(schema) {
        "string" if schema["enum"].is_null() && [Value::Null, json!("uri")].contains(&schema["format"]) => {
            found.push((pointer.to_owned(), wrap(json!("ADDRESS"))));
        }
        "array" => {
            texts(document, &schema["items"], &format!("{pointer}/0"), &|value| wrap(json!([value])), found);
        }
        "object" => {
            for (name, field) in schema["properties"].as_object().unwrap_or(&Map::new()) {
                let with = |value: Value| {
                    let mut whole = required(document, schema);
                    whole[name] = value;
                    wrap(whole)
                };
                texts(document, field, &format!("{pointer}/{name}"), &with, found);
            }
        }
        _ => {}
    }
}

fn places(document: &OpenApi) -> Vec<Place> {
    let document = serde_json::to_value(document).unwrap();
    let mut places = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let schema = &item["post"]["requestBody"]["content"]["application/json"]["schema"];
        let creates = item["post"]["operationId"].as_str().is_some_and(|id| id.starts_with("create_"));
        if creates && !schema.is_null() {
            let mut found = Vec::new();
            texts(&document, schema, "", &|value| value, &mut found);
            let path = path.trim_start_matches("/api/v1").to_owned();
            places.extend(found.into_iter().map(|(pointer, body)| Place {
                path: path.clone(),
                pointer,
                body,
            }));
        }
    }
    places
}

/// Validation errors of this text in this field, ignoring other fields.
async fn against(person: &TestUser, place: &Place, text: &str) -> Vec<Value> {
    let body: Value = serde_json::from_str(&place.body.to_string().replace("ADDRESS", text)).unwrap();
    let answer = person.post(&place.path, body).await;
    let errors = answer.body["errors"].as_array().cloned().unwrap_or_default();
    errors.into_iter().filter(|one| one["pointer"] == *place.pointer).collect()
}

#[tokio::test]
async fn every_address_on_the_web_leads_a_browser_to_the_web() {
    let ana = nexo().await.person("*:*").await;
    let (_, document) = crm_service::api().split_for_parts();
    let mut addresses = Vec::new();
    for place in places(&document) {
        let named = ["url", "website", "link", "homepage", "href", "web"]
            .iter()
            .any(|word| place.pointer.rsplit('/').next().unwrap().split('_').any(|part| part == *word));
        let judged = against(&ana, &place, "no address").await.iter().any(|one| one["code"] == "url");
        if named || judged {
            for text in [
                "javascript:alert(1)",
                "JavaScript://a.test/%0aalert(1)",
                "data:text/html,a",
                "vbscript:a",
                "file:///etc/passwd",
                "ftp://a.test",
                "blob:https://a.test/x",
            ] {
                let told = against(&ana, &place, text).await;
                assert!(!told.is_empty(), "{} {} takes {text}", place.path, place.pointer);
            }
            let good = against(&ana, &place, "https://a.test/b").await;
            assert!(good.is_empty(), "{} {}: {good:?}", place.path, place.pointer);
            addresses.push(format!("{}{}", place.path, place.pointer));
        }
    }
    assert_eq!(addresses, ["/clients/website", "/professionals/portfolio_url", "/suppliers/website"]);
    let body = json!({ "name": "Mill", "website": "javascript:alert(1)" });
    let problem = ana.post("/suppliers", body).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["code"], "web-address");
}
