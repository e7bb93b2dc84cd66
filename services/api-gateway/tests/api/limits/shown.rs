//! Tests of `GET /api/rate-limit`.

use http::{Method, StatusCode};
use kernel::{AccountId, SessionId};
use serde_json::{Value, json};
use testkit::TestUser;

use super::{ask, gateway, left};
use crate::{keys::Behind, send};

async fn shown(person: &TestUser) -> Value {
    let answer = send(person, Method::GET, "/api/rate-limit", &[]).await;
    assert_eq!(left(&answer), [None; 3], "it costs nothing");
    answer.expect(StatusCode::OK)
}

#[tokio::test]
async fn the_rate_limit_endpoint_shows_what_is_left_and_costs_nothing() {
    let nexo =
        gateway("reads_per_minute = 6, reads_burst = 3, writes_per_minute = 60, writes_burst = 2", &[]).await;
    let (ana, ben) = (nexo.person("").await, nexo.person("").await);
    ask(&ana, Method::GET, 2).await;
    for _ in 0..5 {
        let read = json!({ "scope": "account", "kind": "read", "limit": 3, "remaining": 1, "reset": 20, "per_minute": 6 });
        let write = json!({ "scope": "account", "kind": "write", "limit": 2, "remaining": 2, "reset": 0, "per_minute": 60 });
        let all = json!({ "plan": "free", "at_once": 32, "running": 0, "buckets": [read, write] });
        assert_eq!(shown(&ana).await, all);
    }
    assert_eq!(shown(&ben).await["buckets"][0]["remaining"], 3, "of their own account");
    let nobody = TestUser::nobody(&nexo.router);
    assert_eq!(send(&nobody, Method::GET, "/api/rate-limit", &[]).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_key_sees_its_own_beside_those_of_its_account() {
    let nexo = Behind::default().gateway().await;
    let token = identity::ApiKey::generate(AccountId::new(), SessionId::new()).text;
    let program = TestUser { token, ..TestUser::nobody(&nexo.router) };
    ask(&program, Method::GET, 1).await;
    let told = shown(&program).await["buckets"].take();
    let seen: Vec<_> = told
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!([one["scope"], one["kind"], one["limit"], one["remaining"]]))
        .collect();
    let all = [
        json!(["account", "read", 600, 599]),
        json!(["account", "write", 200, 200]),
        json!(["key", "read", 300, 299]),
        json!(["key", "write", 100, 100]),
    ];
    assert_eq!(seen, all);
}

#[tokio::test]
async fn it_is_part_of_the_document() {
    let nexo = gateway("reads_burst = 1", &[]).await;
    let document = send(&TestUser::nobody(&nexo.router), Method::GET, "/api/openapi.json", &[]).await;
    let document = document.expect(StatusCode::OK);
    let told = &document["paths"]["/api/rate-limit"]["get"];
    let schema = &told["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
    assert_eq!(schema, "#/components/schemas/RateLimit", "{told}");
    assert!(
        document["components"]["schemas"]["RateLimitBucket"]["properties"]["remaining"].is_object(),
        "{document}"
    );
    assert_eq!(told["tags"], json!(["limits"]));
}
