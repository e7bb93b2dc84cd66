//! Exports: every record that a list would show, as a file.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{TestApp, TestUser};

use crate::{ALL, nexo};

/// Downloads an export: status, headers and body.
async fn file(nexo: &TestApp, person: &TestUser, query: &str) -> (StatusCode, String, String, Vec<u8>) {
    download(nexo, person, &format!("/clients/export{query}")).await
}

pub(crate) async fn download(
    nexo: &TestApp,
    person: &TestUser,
    path: &str,
) -> (StatusCode, String, String, Vec<u8>) {
    let request = http::Request::get(format!("/api/v1{path}"))
        .header("authorization", format!("Bearer {}", person.token))
        .body(axum::body::Body::empty())
        .unwrap();
    let answer = tower::ServiceExt::oneshot(nexo.router.clone(), request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let header = |name: &str| {
        parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, header("content-type"), header("content-disposition"), bytes.to_vec())
}

fn lines(csv: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv);
    reader.records().map(|line| line.unwrap().iter().map(ToOwned::to_owned).collect()).collect()
}

async fn fill(nexo: &TestApp, person: &TestUser, count: usize) {
    let rows = format!(
        "insert into app.clients (account_id, id, name, status, rating, credit_limit, currency, created_by, updated_by)
         select '{}', gen_random_uuid(), 'Client ' || n, 'active', n % 5 + 1, n, 'EUR', '{}', '{}' from generate_series(1, {count}) n",
        person.account, person.user, person.user
    );
    nexo.ground.database.run(&rows).await;
}

#[tokio::test]
async fn a_file_holds_every_record_once_in_the_order_asked_for() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    fill(&nexo, &ana, 2_345).await;
    let ben = nexo.person(ALL).await;
    fill(&nexo, &ben, 3).await;
    let (status, media, name, csv) = file(&nexo, &ana, "?sort=name&fields=name,rating,credit_limit").await;
    assert_eq!((status, media.as_str()), (StatusCode::OK, "text/csv; charset=utf-8"));
    assert!(name.starts_with("attachment; filename=\"clients-20") && name.ends_with(".csv\""), "{name}");
    let rows = lines(&csv);
    assert_eq!(rows[0], ["id", "name", "rating", "credit_limit", "version"]);
    assert_eq!(rows.len(), 2_346, "three pages of records, and the names");
    let mut names: Vec<_> = rows[1..].iter().map(|row| row[1].clone()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 2_345);

    let (_, media, _, ndjson) = file(&nexo, &ana, "?format=ndjson&filter=rating%5Beq%5D:5").await;
    assert_eq!(media, "application/x-ndjson");
    let all: Vec<Value> = ndjson
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(all.len(), 469);
    assert!(all.iter().all(|one| one["rating"] == 5 && one["credit_limit"].is_string()));

    let (_, media, name, xlsx) = file(&nexo, &ana, "?format=xlsx").await;
    assert!(media.ends_with("spreadsheetml.sheet") && name.ends_with(".xlsx\""), "{media} {name}");
    assert!(xlsx.starts_with(b"PK") && xlsx.len() > 50_000, "a workbook of {} bytes", xlsx.len());
}

#[tokio::test]
async fn a_file_shows_what_a_list_would_show_and_no_more() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    for (name, owner) in [("=cmd()", Value::Null), ("Of Eve", Value::Null)] {
        ana.post(
            "/clients",
            json!({ "name": name, "owner_id": owner, "credit_limit": "9", "currency": "EUR" }),
        )
        .await
        .expect(StatusCode::CREATED);
    }
    let (_, _, _, csv) = file(&nexo, &ana, "?sort=name").await;
    assert!(
        lines(&csv).iter().any(|row| row.contains(&"'=cmd()".to_owned())),
        "no formula reaches a spreadsheet"
    );

    let blind = nexo.member_without(ana.account, "client:read", &["client.credit_limit"]).await;
    let (_, _, _, csv) = file(&nexo, &blind, "").await;
    let rows = lines(&csv);
    assert!(!rows[0].contains(&"credit_limit".to_owned()) && rows.len() == 3, "{:?}", rows[0]);
    assert_eq!(file(&nexo, &blind, "?fields=credit_limit").await.0, StatusCode::UNPROCESSABLE_ENTITY);

    let eve = nexo.member(ana.account, "client:read@own").await;
    assert_eq!(lines(&file(&nexo, &eve, "").await.3).len(), 1, "nothing is hers");
    let nobody = nexo.member(ana.account, "client:write").await;
    assert_eq!(file(&nexo, &nobody, "").await.0, StatusCode::FORBIDDEN);
    let stranger = nexo.person(ALL).await;
    assert_eq!(lines(&file(&nexo, &stranger, "").await.3).len(), 1);
    for wrong in ["?format=pdf", "?sort=colour", "?limit=3"] {
        let answer = ana.send(Method::GET, &format!("/clients/export{wrong}"), None, None).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
}
