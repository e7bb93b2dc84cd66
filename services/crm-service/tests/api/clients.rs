use crm_service::clients::Client;
use http::StatusCode;
use kernel::UserId;
use serde_json::{Value, json};
use testkit::TestUser;

use crate::{ALL, nexo};

fn sample(owner: &TestUser) -> Value {
    json!({
        "name": "Acme Ltd.", "email": "sales@acme.test", "phone": "+34 600 000 000", "company": "Acme Group",
        "tax_id": "B-1", "industry": "tools", "rating": 4, "website": "https://acme.test", "billing_street": "1 Road",
        "billing_city": "Málaga", "billing_region": "Andalucía", "billing_postal_code": "29001", "billing_country": "Spain",
        "credit_limit": "1500.00", "currency": "EUR", "status": "active", "owner_id": owner.user, "notes": "Pays late.",
    })
}

#[tokio::test]
async fn clients_are_kept() {
    let nexo = nexo().await;
    testkit::assert_resource_contract::<Client>(
        &nexo,
        sample,
        json!({ "rating": 5, "tax_id": null, "status": "inactive" }),
    )
    .await;
}

#[tokio::test]
async fn a_tax_id_belongs_to_one_client_of_an_account() {
    let nexo = nexo().await;
    let (ana, ben) = (nexo.person(ALL).await, nexo.person(ALL).await);
    let acme = json!({ "name": "Acme", "tax_id": "B-1" });
    let first = ana.post("/clients", acme.clone()).await.expect(StatusCode::CREATED);
    assert_eq!(ben.post("/clients", acme.clone()).await.status, StatusCode::CREATED);
    let problem = ana.post("/clients", acme.clone()).await.expect(StatusCode::CONFLICT);
    insta::assert_json_snapshot!(problem, { ".request_id" => "…" }, @r#"
    {
      "code": "client-tax-id-taken",
      "detail": "another client has this tax id",
      "errors": [
        {
          "code": "client-tax-id-taken",
          "message": "another client has this tax id",
          "pointer": "/tax_id"
        }
      ],
      "request_id": "…",
      "status": 409,
      "title": "Conflict",
      "type": "/problems/client-tax-id-taken"
    }
    "#);

    // A deleted client does not reserve its tax id, and cannot be restored while another has it.
    let path = format!("/clients/{}", first["id"].as_str().unwrap());
    assert_eq!(ana.delete(&path, &first).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ana.post("/clients", acme).await.status, StatusCode::CREATED);
    let back = ana.send(http::Method::POST, &format!("{path}/restore"), None, None).await;
    assert_eq!(back.expect(StatusCode::CONFLICT)["code"], "client-tax-id-taken");
}

#[tokio::test]
async fn an_owner_is_a_member_of_the_same_account() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    let ours = nexo.member(ana.account, ALL).await.user;
    let theirs = nexo.person(ALL).await.user;
    let owned_by = |owner: UserId| ana.post("/clients", json!({ "name": "Acme", "owner_id": owner }));
    assert_eq!(owned_by(ours).await.status, StatusCode::CREATED);
    let (stranger, nobody) = (owned_by(theirs).await, owned_by(UserId::new()).await);
    assert_eq!(stranger.body["code"], "client-owner-not-a-member");
    let without_id = |mut body: Value| {
        body["request_id"].take();
        body
    };
    assert_eq!(
        without_id(stranger.expect(StatusCode::UNPROCESSABLE_ENTITY)),
        without_id(nobody.expect(StatusCode::UNPROCESSABLE_ENTITY)),
        "nobody can tell a stranger's user from none"
    );
}

#[tokio::test]
async fn a_credit_limit_needs_a_currency_and_is_not_negative() {
    let ana = nexo().await.person(ALL).await;
    for (body, pointer) in [
        (json!({ "name": "a", "credit_limit": "10" }), "/currency"),
        (json!({ "name": "a", "credit_limit": "-10", "currency": "EUR" }), "/credit_limit"),
        (json!({ "name": "a", "credit_limit": 10, "currency": "EUR" }), "/credit_limit"),
        (json!({ "name": "a", "credit_limit": "1.23456", "currency": "EUR" }), "/credit_limit"),
        (json!({ "name": "a", "currency": "eur" }), "/currency"),
    ] {
        let problem = ana.post("/clients", body).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
}

#[tokio::test]
async fn history_tells_who_changed_what() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    let made = ana.post("/clients", json!({ "name": "Acme", "rating": 3 })).await.expect(StatusCode::CREATED);
    let path = format!("/clients/{}", made["id"].as_str().unwrap());
    let mut seen = made;
    for rating in [4, 5] {
        seen = ana.patch(&path, &seen, json!({ "rating": rating })).await.expect(StatusCode::OK);
    }
    let first = ana.get(&format!("{path}/history?limit=2")).await.expect(StatusCode::OK);
    assert_eq!(first["data"][0]["before"], json!({ "rating": 4 }));
    assert_eq!(first["data"][0]["after"], json!({ "rating": 5 }));
    assert_eq!(first["data"][0]["created_by"], json!(ana.user));
    let cursor = first["page"]["next_cursor"].as_str().unwrap();
    let rest = ana.get(&format!("{path}/history?limit=2&cursor={cursor}")).await.expect(StatusCode::OK);
    assert_eq!(rest["data"].as_array().unwrap().len(), 1);
    assert_eq!(rest["data"][0]["action"], "created");

    let mut look = nexo.ground.database.look().await;
    let events: Vec<(String, i64)> = sqlx::query_as("select topic, version from app.outbox order by id")
        .fetch_all(&mut look)
        .await
        .unwrap();
    let topics = ["crm.client.created", "crm.client.changed", "crm.client.changed"].map(ToOwned::to_owned);
    assert_eq!(events, topics.into_iter().zip(1..).collect::<Vec<_>>());
}

#[tokio::test]
async fn of_many_writers_with_one_version_one_wins() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    let made = ana.post("/clients", json!({ "name": "Acme" })).await.expect(StatusCode::CREATED);
    let path = format!("/clients/{}", made["id"].as_str().unwrap());
    let mut writers = tokio::task::JoinSet::new();
    for rating in 0..20 {
        let (ana, made, path) = (ana.clone(), made.clone(), path.clone());
        writers
            .spawn(async move { ana.patch(&path, &made, json!({ "rating": rating % 5 + 1 })).await.status });
    }
    let answers = writers.join_all().await;
    let won = answers.iter().filter(|status| **status == StatusCode::OK).count();
    let stale = answers.iter().filter(|status| **status == StatusCode::PRECONDITION_FAILED).count();
    assert_eq!((won, stale), (1, 19), "{answers:?}");
}

#[tokio::test]
async fn of_many_posts_with_one_key_one_is_done() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    let mut posts = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let ana = ana.clone();
        posts.spawn(async move { ana.post_once("/clients", "one", json!({ "name": "Acme" })).await.status });
    }
    for status in posts.join_all().await {
        assert!(matches!(status, StatusCode::CREATED | StatusCode::CONFLICT), "{status}");
    }
    let page = ana.get("/clients?count=exact").await.expect(StatusCode::OK);
    assert_eq!(page["page"]["total"], 1);
}
