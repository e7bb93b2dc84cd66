//! The engine on two toy tables, through HTTP and on a real server: the contract that every resource has, and the rules
//! that only a resource with them shows.

mod toys;

use axum::extract::FromRef;
use db::Db;
use http::StatusCode;
use identity::Verifier;
use serde_json::{Value, json};
use testkit::{TestApp, TestContext, TestUser};
use toys::{Toy, ToyBox};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use web::ServiceOptions;

const TITLE: &str = "Toys";

/// State of the toy service.
#[derive(Clone, FromRef)]
struct App {
    db: Db,
    verifier: Verifier,
}

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(resource::crud::<ToyBox, App>()).merge(resource::crud::<Toy, App>())
}

fn document() -> OpenApi {
    let mut document = api().into_openapi();
    web::openapi::describe(&mut document, TITLE);
    document
}

async fn service() -> TestApp {
    let ground = TestContext::new("nexo_app").await;
    ground.database.run(include_str!("toys.sql")).await;
    testkit::validate_answers_against(document);
    let app = App { db: ground.db.clone(), verifier: ground.verifier.clone() };
    let options = ServiceOptions { service: "toys", ..ServiceOptions::default() };
    TestApp { router: web::into_service(api(), app, TITLE, options).0, ground }
}

async fn made(person: &TestUser, path: &str, body: Value) -> Value {
    person.post(path, body).await.expect(StatusCode::CREATED)
}

#[tokio::test]
async fn boxes_are_kept() {
    let service = service().await;
    let sample = |owner: &TestUser| json!({ "name": "Blue box", "size": 12, "owner_id": owner.user });
    testkit::assert_resource_contract::<ToyBox>(&service, sample, json!({ "size": null, "name": "Red box" }))
        .await;
}

#[tokio::test]
async fn toys_are_kept() {
    let service = service().await;
    let sample = async |person: &TestUser| {
        let of = made(person, "/boxes", json!({ "name": "Box" })).await;
        json!({
            "name": "Robot", "state": "new", "price": "12.50", "made_on": "2026-01-31", "is_loud": true, "box_id": of["id"],
        })
    };
    let rights = "project:read project:write project:delete";
    let change = json!({ "state": "used", "price": null });
    testkit::assert_resource_contract_with_references::<Toy>(&service, rights, sample, change).await;
}

#[tokio::test]
async fn a_rule_of_a_resource_holds_singly_and_in_bulk() {
    let service = service().await;
    let ana = service.person("project:read project:write task:read task:write").await;
    let of = made(&ana, "/boxes", json!({ "name": "Box" })).await;
    let toy = json!({ "name": "Robot", "state": "broken", "is_loud": false, "box_id": of["id"] });
    let toy = made(&ana, "/toys", toy).await;
    let path = format!("/toys/{}", toy["id"].as_str().unwrap());
    let refused = ana.patch(&path, &toy, json!({ "state": "new" })).await.expect(StatusCode::CONFLICT);
    assert_eq!(refused["code"], "toy-beyond-repair");
    let item = json!({ "id": toy["id"], "version": toy["version"], "patch": { "state": "used" } });
    let bulk = json!({ "operation": "update", "items": [item], "atomic": false });
    let done = ana.post("/toys/bulk", bulk).await.expect(StatusCode::MULTI_STATUS);
    assert_eq!(done["data"][0]["problem"]["code"], "toy-beyond-repair");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "it is about the check of what the engine generates")]
async fn a_statement_without_its_account_is_not_sent() {
    let service = service().await;
    let ana = service.person("project:read").await;
    let who = service.ground.verifier.identify(&ana.token, uuid::Uuid::now_v7()).await.unwrap();
    let identity::Identity::Member(who) = who else { unreachable!("the person is a member") };
    let mut tx = service.ground.db.begin_read_only(&who).await.unwrap();
    let sent = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        drop(tx.generated::<()>("select id from app.boxes".to_owned()));
    }));
    assert!(sent.is_err());
}

#[tokio::test]
async fn a_patch_of_what_is_no_field_is_refused_wherever_it_is_sent() {
    let service = service().await;
    let ana = service.person("project:read project:write").await;
    let filter = json!({ "field": "name", "op": "eq", "value": "Box" });
    let preview = async |patch: Value| {
        let body = json!({ "operation": "update", "filter": filter, "patch": patch });
        ana.post("/boxes/bulk/preview", body).await
    };
    let refused = |answer: Value, pointer: &str| {
        assert_eq!(answer["errors"][0]["pointer"], pointer, "{answer}");
        assert_eq!(answer["errors"][0]["code"], "unknown-field", "{answer}");
    };
    let none = preview(json!({ "nope": 1 })).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    refused(none, "/patch/nope");
    let made = made(&ana, "/boxes", json!({ "name": "Box" })).await;
    let path = format!("/boxes/{}", made["id"].as_str().unwrap());
    for patch in [json!({ "nope": 1 }), json!({ "nope": null })] {
        refused(preview(patch.clone()).await.expect(StatusCode::UNPROCESSABLE_ENTITY), "/patch/nope");
        refused(ana.patch(&path, &made, patch).await.expect(StatusCode::UNPROCESSABLE_ENTITY), "/nope");
    }
    let wrong = preview(json!({ "size": 0 })).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(wrong["errors"][0]["pointer"], "/patch/size");
    preview(json!({ "size": null })).await.expect(StatusCode::OK);
}
