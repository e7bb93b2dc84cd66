//! Aggregates, compared with the same computation over what an export shows.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use testkit::{TestResponse, TestUser};

use crate::{made, nexo};

type Groups = BTreeMap<String, Map<String, Value>>;

async fn asked(person: &TestUser, path: &str, query: &str) -> TestResponse {
    person.get(&format!("{path}/aggregate?{}", query.replace('"', "%22"))).await
}

async fn aggregate(person: &TestUser, path: &str, query: &str) -> Value {
    asked(person, path, query).await.expect(StatusCode::OK)
}

/// Groups of an answer by the JSON of their keys.
fn groups(answer: &Value) -> Groups {
    let data = answer["data"].as_array().unwrap();
    let one = |group: &Value| (group["group"].to_string(), group["measures"].as_object().unwrap().clone());
    data.iter().map(one).collect()
}

/// Records that the person's export has.
async fn exported(person: &TestUser, path: &str, filter: &str) -> Vec<Value> {
    let path = format!("/api/v1{path}/export?format=ndjson&filter={}", filter.replace('"', "%22"));
    let file = person.send_raw(Method::GET, &path, &[], "").await;
    assert_eq!(file.status, StatusCode::OK, "{}", file.text());
    file.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Ten-thousandths, in which amounts are exact.
fn units(value: &Value) -> Option<i128> {
    let (whole, part) = value.as_str()?.split_once('.').unwrap();
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    Some(whole.parse::<i128>().unwrap() * 10_000 + sign * format!("{part:0<4}").parse::<i128>().unwrap())
}

/// Counts, sums and extremes by status and currency, computed of exported clients.
fn computed(records: &[Value]) -> Groups {
    let mut by_key: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for record in records {
        let key = json!({ "status": record["status"], "currency": record["currency"] });
        by_key.entry(key.to_string()).or_default().push(record);
    }
    let of = |records: &[&Value]| {
        let limits: Vec<i128> = records.iter().filter_map(|record| units(&record["credit_limit"])).collect();
        let ratings: Vec<i64> = records.iter().filter_map(|record| record["rating"].as_i64()).collect();
        let some = |value: Option<i128>| value.map_or(Value::Null, |value| json!(value.to_string()));
        let sum: i128 = limits.iter().sum();
        let rated: i64 = ratings.iter().sum();
        json!({
            "count": records.len(),
            "sum(credit_limit)": some((!limits.is_empty()).then_some(sum)),
            "min(credit_limit)": some(limits.iter().min().copied()),
            "sum(rating)": if ratings.is_empty() { Value::Null } else { json!(rated) },
            "max(rating)": json!(ratings.iter().max()),
        })
    };
    by_key.into_iter().map(|(key, records)| (key, of(&records).as_object().unwrap().clone())).collect()
}

/// The amounts of an answer in ten-thousandths.
fn in_units(groups: Groups) -> Groups {
    let amount = |name: &str, value: Value| match units(&value) {
        Some(units) if name.contains("credit_limit") => json!(units.to_string()),
        _ => value,
    };
    let one = |measures: Map<String, Value>| {
        measures.into_iter().map(|(name, value)| (name.clone(), amount(&name, value))).collect()
    };
    groups.into_iter().map(|(key, measures)| (key, one(measures))).collect()
}

async fn clients(person: &TestUser) {
    for at in 0..40 {
        let limit = ["10.00", "0.0001", "99999999999999.9999", "250.5"][at % 4];
        let status = ["lead", "active", "inactive"][at % 3];
        let rating = [json!(1), json!(5), Value::Null][(at / 2) % 3].clone();
        let credit = if at % 5 == 0 { Value::Null } else { json!(limit) };
        let (currency, city) = (["EUR", "USD"][(at / 3) % 2], ["Oslo", "Málaga"][at % 2]);
        let body = json!({
            "name": format!("Client {at}"), "status": status, "rating": rating, "credit_limit": credit,
            "currency": currency, "billing_city": city,
        });
        made(person, "/clients", body).await;
    }
}

#[tokio::test]
async fn sums_are_those_of_the_rows_that_the_caller_can_export() {
    let nexo = nexo().await;
    let ana = nexo.person("client:*").await;
    let own = nexo.member(ana.account, "client:read@own client:write").await;
    clients(&ana).await;
    clients(&own).await;
    let measures = "measure=count,sum(credit_limit),min(credit_limit),sum(rating),max(rating)";
    let filters = [
        "id[ne]:\"00000000-0000-7000-8000-000000000000\"",
        "and(rating[gte]:2,billing_city[eq]:\"Oslo\")",
        "or(status[eq]:\"lead\",not(rating[is]:null))",
        "credit_limit[gt]:\"100.00\"",
        "name[eq]:\"nobody\"",
    ];
    for (person, most) in [(&ana, 80), (&own, 40)] {
        for filter in filters {
            let records = exported(person, "/clients", filter).await;
            assert!(records.len() <= most);
            let query = format!("group_by=status&{measures}&filter={filter}");
            let answer = aggregate(person, "/clients", &query).await;
            assert_eq!(in_units(groups(&answer)), computed(&records), "{filter}");
        }
    }
}

#[tokio::test]
async fn an_average_is_rounded_and_all_records_are_one_group_without_keys() {
    let ana = nexo().await.person("client:*").await;
    for rating in [1, 2, 2] {
        made(&ana, "/clients", json!({ "name": "a", "rating": rating })).await;
    }
    let answer = aggregate(&ana, "/clients", "measure=count,avg(rating),max(rating),min(created_at)").await;
    let group = &answer["data"][0];
    assert_eq!((answer["data"].as_array().unwrap().len(), &group["group"]), (1, &json!({})));
    assert_eq!(group["measures"]["avg(rating)"], "1.6667");
    assert_eq!((&group["measures"]["count"], &group["measures"]["max(rating)"]), (&json!(3), &json!(2)));
    assert!(group["measures"]["min(created_at)"].is_string());
    let nothing = aggregate(&ana, "/clients", "measure=count,sum(rating)&filter=name[eq]:\"b\"").await;
    assert_eq!(nothing["data"][0]["measures"], json!({ "count": 0, "sum(rating)": null }));
}

#[tokio::test]
async fn groups_go_through_two_references_and_end_where_the_caller_may_not_read() {
    let nexo = nexo().await;
    let ana = nexo.person("*:*").await;
    for (industry, tasks) in [("Mining", 2), ("Farming", 1)] {
        let client = made(&ana, "/clients", json!({ "name": industry, "industry": industry })).await;
        let project = json!({ "client_id": client["id"], "code": industry, "name": industry });
        let project = made(&ana, "/projects", project).await;
        for at in 0..tasks {
            made(&ana, "/tasks", json!({ "title": format!("{at}"), "project_id": project["id"] })).await;
        }
    }
    made(&ana, "/tasks", json!({ "title": "of no project" })).await;
    let query = "group_by=project.client.industry";
    let counts = |answer: &Value| -> Vec<(Value, i64)> {
        let data = answer["data"].as_array().unwrap().iter();
        data.map(|one| {
            (one["group"]["project.client.industry"].clone(), one["measures"]["count"].as_i64().unwrap())
        })
        .collect()
    };
    let all = aggregate(&ana, "/tasks", query).await;
    assert_eq!(counts(&all), [(json!("Farming"), 1), (json!("Mining"), 2), (Value::Null, 1)]);

    let own = nexo.member(ana.account, "task:read project:read client:read@own").await;
    let of_own = aggregate(&own, "/tasks", query).await;
    assert_eq!(counts(&of_own), [(Value::Null, 4)], "the clients are another member's");
    let without = nexo.member(ana.account, "task:read project:read").await;
    let hidden = nexo.member_without(ana.account, "*:read", &["client.industry"]).await;
    let link = nexo.member_without(ana.account, "*:read", &["project.client_id"]).await;
    for person in [&without, &hidden, &link] {
        let refused = asked(person, "/tasks", query).await;
        let problem = refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], "/group_by", "{problem}");
    }
}

#[tokio::test]
async fn days_are_those_of_the_time_zone() {
    let ana = nexo().await.person("*:*").await;
    for due in ["2026-03-31T21:30:00Z", "2026-03-31T22:30:00Z", "2026-06-30T12:00:00Z"] {
        made(&ana, "/tasks", json!({ "title": "a", "due_at": due })).await;
    }
    made(&ana, "/tasks", json!({ "title": "undated" })).await;
    let months = async |zone: &str| -> Vec<(Value, Value)> {
        let answer = aggregate(&ana, "/tasks", &format!("group_by=due_at&bucket=month{zone}")).await;
        let data = answer["data"].as_array().unwrap().iter();
        data.map(|one| (one["group"]["due_at"].clone(), one["measures"]["count"].clone())).collect()
    };
    let (march, april, june) = (json!("2026-03-01"), json!("2026-04-01"), json!("2026-06-01"));
    let undated = (Value::Null, json!(1));
    assert_eq!(months("").await, [(march.clone(), json!(2)), (june.clone(), json!(1)), undated.clone()]);
    let berlin = months("&tz=Europe/Berlin").await; // two hours ahead of UTC by then
    assert_eq!(berlin, [(march, json!(1)), (april, json!(1)), (june, json!(1)), undated]);
    let week =
        aggregate(&ana, "/tasks", "group_by=due_at&bucket=week&filter=due_at[lt]:\"2026-04-01T00:00:00Z\"")
            .await;
    assert_eq!(week["data"][0]["group"]["due_at"], "2026-03-30", "a Monday");
}

#[tokio::test]
async fn groups_are_sorted_and_limited_as_asked() {
    let ana = nexo().await.person("client:*").await;
    for (city, count) in [("Oslo", 1), ("Bergen", 3), ("Tromsø", 2)] {
        for _ in 0..count {
            made(&ana, "/clients", json!({ "name": "a", "billing_city": city })).await;
        }
    }
    let cities = async |query: &str| -> (Vec<String>, bool) {
        let answer = aggregate(&ana, "/clients", &format!("group_by=billing_city&{query}")).await;
        let data = answer["data"].as_array().unwrap().iter();
        let cities = data.map(|one| one["group"]["billing_city"].as_str().unwrap().to_owned()).collect();
        (cities, answer["has_more"] == true)
    };
    let three = |names: [&str; 3]| names.map(ToOwned::to_owned).to_vec();
    assert_eq!(cities("").await, (three(["Bergen", "Oslo", "Tromsø"]), false));
    assert_eq!(cities("sort=-count").await, (three(["Bergen", "Tromsø", "Oslo"]), false));
    assert_eq!(cities("sort=-billing_city").await, (three(["Tromsø", "Oslo", "Bergen"]), false));
    assert_eq!(cities("sort=count&limit=1").await, (vec!["Oslo".to_owned()], true));
}

#[tokio::test]
async fn a_request_that_makes_no_sense_or_asks_for_what_is_hidden_is_refused_by_its_parameter() {
    let nexo = nexo().await;
    let ana = nexo.person("*:*").await;
    let bo = nexo
        .member_without(ana.account, "*:*", &["client.credit_limit", "client.status", "project.currency"])
        .await;
    for (person, path, query, parameter) in [
        (&ana, "/clients", "group_by=colour", "group_by"),
        (&ana, "/clients", "group_by=credit_limit", "group_by"),
        (&ana, "/clients", "group_by=notes", "group_by"),
        (&ana, "/clients", "group_by=status,status", "group_by"),
        (&ana, "/clients", "group_by=status,rating,industry,name", "group_by"),
        (&ana, "/clients", "group_by=created_at", "group_by"),
        (&ana, "/tasks", "group_by=project.client.owner.name", "group_by"),
        (&ana, "/clients", "group_by=status&bucket=month", "bucket"),
        (&ana, "/clients", "group_by=created_at&bucket=hour", "bucket"),
        (&ana, "/clients", "group_by=created_at&bucket=day&tz=Mars", "tz"),
        (&ana, "/clients", "measure=sum(name)", "measure"),
        (&ana, "/clients", "measure=median(rating)", "measure"),
        (&ana, "/clients", "measure=sum(rating", "measure"),
        (&ana, "/clients", "measure=count,count", "measure"),
        (&ana, "/clients", "sort=rating", "sort"),
        (&ana, "/clients", "limit=1001", "limit"),
        (&ana, "/clients", "filter=colour[eq]:1", "filter"),
        (&bo, "/clients", "group_by=status", "group_by"),
        (&bo, "/clients", "measure=sum(credit_limit)", "measure"),
        (&bo, "/projects", "measure=sum(budget)", "measure"),
        (&bo, "/projects", "group_by=client.status", "group_by"),
        (&bo, "/clients", "filter=status[eq]:\"lead\"", "filter"),
    ] {
        let refused = asked(person, path, query).await;
        let problem = refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], format!("/{parameter}"), "{query}: {problem}");
    }
    let powerless = nexo.member(ana.account, "contact:read").await;
    powerless.get("/clients/aggregate").await.expect(StatusCode::FORBIDDEN);
}
