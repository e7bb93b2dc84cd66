//! Every part of a request has a size limit.

use serde_json::json;

use crate::company::Company;

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "how much was tried is what somebody wants to see")]
async fn whatever_is_far_too_much_is_refused_at_once() {
    let acme = Company::new().await;
    let ana = &acme.ana;
    let role = ana.post("/roles", json!({ "name": "Helper", "permissions": ["client:read"] })).await.body;
    let team = ana.post("/teams", json!({ "name": "North" })).await.body;
    let known = json!({ "members": [ana.user], "role_ids": [role["id"]], "roles": [role["id"]], "role_id": role["id"] });
    let find = |start: &str| {
        let record = match start {
            "/api/v1/roles" => &role,
            "/api/v1/teams" => &team,
            _ => return None,
        };
        Some((record["id"].as_str()?.to_owned(), record["version"].clone()))
    };
    let (_, document) = auth_service::api().split_for_parts();
    let tried =
        testkit::assert_oversize_rejected(ana, &document, known.as_object().unwrap(), find, &[]).await;
    println!("{} operations × {} cases: {tried:?}", tried.operations, tried.cases());
    assert!(tried.operations > 50 && tried.cases() > 3 * tried.operations, "{tried:?}");
}
