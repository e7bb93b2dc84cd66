//! Filters, compared with a naive evaluation of the same records.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::TestUser;

use crate::{ALL, nexo};

/// Records with nulls, repeated values, accents and characters beyond the first plane.
fn samples() -> Vec<Value> {
    let names = ["Ana", "ana", "Ánà", "Zoë 🦀", "\"quoted\"", "100%", "a_b", "", "雪", "Acme"];
    let mut samples = Vec::new();
    for (at, name) in names.iter().cycle().take(60).enumerate() {
        let name = format!("{name}{}", at % 7);
        let rating = [json!(1), json!(3), json!(5), Value::Null][at % 4].clone();
        let city = [json!("Málaga"), json!("Oslo"), Value::Null][at % 3].clone();
        let limit = [json!("10.00"), json!("9.5"), Value::Null, json!("100.2500")][(at / 2) % 4].clone();
        let status = ["lead", "active", "inactive"][at % 3];
        samples.push(json!({ "name": name, "rating": rating, "billing_city": city, "credit_limit": limit, "currency": "EUR",
            "status": status }));
    }
    samples
}

/// Evaluates one comparison as documented.
fn holds(record: &Value, field: &str, operator: &str, value: &Value) -> bool {
    let is = &record[field];
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse::<f64>().ok());
    let less = |one: &Value, other: &Value| match (field, number(one), number(other)) {
        ("rating" | "credit_limit", Some(one), Some(other)) => one < other,
        _ => one.as_str().unwrap().as_bytes() < other.as_str().unwrap().as_bytes(),
    };
    let equal = |one: &Value, other: &Value| match (field, number(one), number(other)) {
        ("rating" | "credit_limit", Some(one), Some(other)) => (one - other).abs() < 1e-9,
        _ => one == other,
    };
    match operator {
        "is" => is.is_null(),
        "ne" => is.is_null() || !equal(is, value),
        "nin" => is.is_null() || !value.as_array().unwrap().iter().any(|one| equal(is, one)),
        _ if is.is_null() => false,
        "eq" => equal(is, value),
        "in" => value.as_array().unwrap().iter().any(|one| equal(is, one)),
        "lt" => less(is, value),
        "lte" => less(is, value) || equal(is, value),
        "gt" => less(value, is),
        "gte" => less(value, is) || equal(is, value),
        "contains" => is.as_str().unwrap().contains(value.as_str().unwrap()),
        "starts_with" => is.as_str().unwrap().starts_with(value.as_str().unwrap()),
        other => panic!("{other}"),
    }
}

fn evaluated(record: &Value, tree: &Value) -> bool {
    if let Some(all) = tree["and"].as_array() {
        return all.iter().all(|one| evaluated(record, one));
    }
    if let Some(all) = tree["or"].as_array() {
        return all.iter().any(|one| evaluated(record, one));
    }
    if tree.get("not").is_some() {
        return !evaluated(record, &tree["not"]);
    }
    holds(record, tree["field"].as_str().unwrap(), tree["op"].as_str().unwrap(), &tree["value"])
}

/// Deterministic random number generator, so that every run tests the same filters.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn term(&mut self, samples: &[Value]) -> Value {
        let sample = samples[self.roll(samples.len())].clone();
        let field = ["name", "rating", "billing_city", "credit_limit", "status"][self.roll(5)];
        let operators: &[&str] = match field {
            "name" | "billing_city" => {
                &["eq", "ne", "lt", "lte", "gt", "gte", "in", "nin", "is", "contains", "starts_with"]
            }
            "status" => &["eq", "ne", "in", "nin", "is"],
            _ => &["eq", "ne", "lt", "lte", "gt", "gte", "in", "nin", "is"],
        };
        let operator = operators[self.roll(operators.len())];
        let value = if sample[field].is_null() { samples[0][field].clone() } else { sample[field].clone() };
        let value = match operator {
            "is" => Value::Null,
            "in" | "nin" => json!([value, samples[1][field]]),
            "contains" | "starts_with" => {
                let text: String = value.as_str().unwrap().chars().take(1 + self.roll(3)).collect();
                json!(text)
            }
            _ => value,
        };
        json!({ "field": field, "op": operator, "value": value })
    }

    fn tree(&mut self, samples: &[Value], depth: usize) -> Value {
        match self.roll(if depth == 0 { 1 } else { 5 }) {
            2 => json!({ "and": [self.tree(samples, depth - 1), self.tree(samples, depth - 1)] }),
            3 => json!({ "or": [self.tree(samples, depth - 1), self.tree(samples, depth - 1)] }),
            4 => json!({ "not": self.tree(samples, depth - 1) }),
            _ => self.term(samples),
        }
    }
}

async fn found(ana: &TestUser, filter: &Value) -> Vec<String> {
    let body = json!({ "filter": filter, "limit": 200, "sort": "id", "fields": ["name"] });
    let page = ana.post("/clients/search", body).await.expect(StatusCode::OK);
    page["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_database_answers_every_condition_as_a_reader_would() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    for sample in samples() {
        ana.post("/clients", sample).await.expect(StatusCode::CREATED);
    }
    let all = ana.get("/clients?limit=200&sort=id").await.expect(StatusCode::OK)["data"].clone();
    let all = all.as_array().unwrap();
    let mut dice = Dice(20_260_101);
    let (mut some, mut compared) = (0, 0);
    for _ in 0..300 {
        let tree = dice.tree(all, 3);
        let naive: Vec<String> = all
            .iter()
            .filter(|record| evaluated(record, &tree))
            .map(|record| record["id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(found(&ana, &tree).await, naive, "{tree}");
        compared += 1;
        some += usize::from(!naive.is_empty() && naive.len() < all.len());
    }
    assert!(some > 150, "of {compared} conditions only {some} told records apart");
}

#[tokio::test]
async fn an_answer_holds_the_fields_that_were_asked_for() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    let made = ana.post("/clients", json!({ "name": "Acme", "rating": 3 })).await.expect(StatusCode::CREATED);
    let wanted = json!({ "id": made["id"], "version": 1, "name": "Acme" });
    assert_eq!(ana.get("/clients?fields=name").await.expect(StatusCode::OK)["data"], json!([wanted]));
    let path = format!("/clients/{}?fields=name", made["id"].as_str().unwrap());
    assert_eq!(ana.get(&path).await.expect(StatusCode::OK), wanted);
    for (path, pointer) in [
        ("/clients?fields=name,colour", "/fields"),
        ("/clients?expand=colour", "/expand"),
        ("/clients?filter=colour%5Beq%5D:1", "/filter"),
    ] {
        let problem = ana.get(path).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{path}");
    }
    for (body, pointer) in [
        (json!({ "filter": { "field": "rating" } }), "/filter"),
        (json!({ "filter": { "and": [] } }), "/filter"),
        (json!({ "filter": [1] }), "/filter"),
        (json!({ "limit": 0 }), "/limit"),
        (json!({ "colour": 1 }), "/colour"),
    ] {
        let problem =
            ana.post("/clients/search", body.clone()).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
}

#[tokio::test]
async fn a_search_is_for_those_who_may_read_and_changes_nothing() {
    let nexo = nexo().await;
    let ana = nexo.person("client:write").await;
    let answer = ana.send(Method::POST, "/clients/search", None, Some(json!({}))).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let reader = nexo.person("client:read").await;
    assert_eq!(reader.post("/clients/search", json!({})).await.expect(StatusCode::OK)["data"], json!([]));
}
