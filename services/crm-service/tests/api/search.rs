//! `q=`: parts of words, accents folded, typing errors forgiven; one's own account alone.

use http::StatusCode;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use testkit::Person;

use crate::{ALL, nexo};

async fn found(person: &Person, q: &str) -> Vec<String> {
    let page = person
        .post("/clients/search", json!({ "q": q, "sort": "name", "count": "exact" }))
        .await
        .expect(StatusCode::OK);
    let names: Vec<String> =
        page["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(page["page"]["total"], json!(names.len()));
    names
}

async fn filled(person: &Person) {
    for client in [
        json!({ "name": "Café Aurora", "email": "info@aurora.test", "phone": "+47 22 33 44 55" }),
        json!({ "name": "Nordwerk GmbH", "notes": "Visited the Hamburg office" }),
        json!({ "name": "Łódź Müller & Søn", "company": "Müller Holding", "tax_id": "PL-778899" }),
        json!({ "name": "100% Cotton_Co" }),
    ] {
        person.post("/clients", client).await.expect(StatusCode::CREATED);
    }
}

#[tokio::test]
async fn what_is_looked_for_is_found_by_parts_without_accents_and_with_typing_errors() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    filled(&ana).await;
    for (q, name) in [
        ("aurora", "Café Aurora"),
        ("CAFE", "Café Aurora"),
        ("café auro", "Café Aurora"),
        ("aurroa", "Café Aurora"),
        ("info@aurora.test", "Café Aurora"),
        ("22334455", "Café Aurora"),
        ("hamburg", "Nordwerk GmbH"),
        ("nordwrek", "Nordwerk GmbH"),
        ("lodz muller", "Łódź Müller & Søn"),
        ("son holding", "Łódź Müller & Søn"),
        ("778899", "Łódź Müller & Søn"),
        ("cotton_co", "100% Cotton_Co"),
    ] {
        assert_eq!(found(&ana, q).await, [name], "{q}");
    }
    assert_eq!(found(&ana, "zebra").await, Vec::<String>::new());
    assert_eq!(found(&ana, "aurora hamburg").await, Vec::<String>::new(), "every word counts");
    for q in ["' or 1=1 --", "%a%", "\\a", "a\"; drop table x"] {
        found(&ana, q).await;
    }
    for q in ["", "%", "  ", "x\u{0}"] {
        let answer = ana.post("/clients/search", json!({ "q": q })).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{q:?}");
    }
}

/// Inside of the function row security protects nobody: it says itself whose rows it means.
#[tokio::test]
async fn a_search_finds_ones_own_and_within_ones_reach_alone() {
    let nexo = nexo().await;
    let (ana, ben) = (nexo.person(ALL).await, nexo.person(ALL).await);
    filled(&ana).await;
    assert_eq!(found(&ben, "aurora").await, Vec::<String>::new());
    let eve = nexo.member(ana.account, "client:read@own client:write@own").await;
    assert_eq!(found(&eve, "aurora").await, Vec::<String>::new());
    eve.post("/clients", json!({ "name": "Aurora of Eve" })).await.expect(StatusCode::CREATED);
    assert_eq!(found(&eve, "aurora").await, ["Aurora of Eve"]);
    assert_eq!(found(&ana, "aurora").await, ["Aurora of Eve", "Café Aurora"]);

    let first = ana.get("/clients?q=aurora&limit=1&sort=name").await.expect(StatusCode::OK);
    let cursor = first["page"]["next_cursor"].as_str().unwrap();
    let next =
        ana.get(&format!("/clients?q=aurora&limit=1&sort=name&cursor={cursor}")).await.expect(StatusCode::OK);
    assert_eq!(next["data"][0]["name"], "Café Aurora");
    let other = ana.get(&format!("/clients?q=hamburg&limit=1&sort=name&cursor={cursor}")).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "a cursor belongs to its search");

    let gone = ana.get("/clients?q=aurora&sort=name").await.body["data"][0].clone();
    let path = format!("/clients/{}", gone["id"].as_str().unwrap());
    assert_eq!(ana.delete(&path, &gone).await.status, StatusCode::NO_CONTENT);
    assert_eq!(found(&ana, "aurora").await, ["Café Aurora"], "what is in the trash is not found");
}

#[tokio::test]
async fn what_is_hidden_cannot_be_looked_for() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    let blind = nexo.member_without(ana.account, "client:read", &["client.email"]).await;
    let answer = blind.get("/clients?q=aurora").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer["errors"][0]["pointer"], "/q");
    let unrelated = nexo.member_without(ana.account, "client:read", &["client.credit_limit"]).await;
    assert_eq!(unrelated.get("/clients?q=aurora").await.expect(StatusCode::OK)["data"], json!([]));
}

#[tokio::test]
async fn a_service_with_sql_of_its_own_searches_no_other_account() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    filled(&ana).await;
    let mut app = PgConnection::connect_with(&nexo.ground.database.role("nexo_app")).await.unwrap();
    let rows: Vec<(uuid::Uuid,)> =
        sqlx::query_as("select id from app.search_clients('aurora')").fetch_all(&mut app).await.unwrap();
    assert_eq!(rows, [], "outside of every account there is nothing");
}
