//! Roles that an account defines itself.

use http::StatusCode;
use serde_json::{Value, json};

use crate::{company::Company, is_told};

fn sales() -> Value {
    json!({ "name": "Sales", "priority": 50, "permissions": ["client:read", "client:write@own"], "hidden_fields": ["client.credit_limit"] })
}

#[tokio::test]
async fn an_account_has_five_roles_and_makes_its_own() {
    let acme = Company::new().await;
    let made = acme.ana.post_once("/roles", "once", sales()).await.expect(StatusCode::CREATED);
    assert_eq!(acme.ana.post_once("/roles", "once", sales()).await.expect(StatusCode::CREATED), made);
    assert_eq!((&made["standard"], &made["permissions"][1]), (&json!(false), &json!("client:write@own")));
    let listed = acme.ana.get("/roles?sort=-priority").await.expect(StatusCode::OK);
    let names: Vec<_> = listed["data"].as_array().unwrap().iter().map(|role| role["name"].clone()).collect();
    assert_eq!(names, ["owner", "admin", "manager", "Sales", "employee", "viewer"]);
    let twice = acme.ana.post("/roles", sales()).await.expect(StatusCode::CONFLICT);
    assert_eq!(twice["code"], "role-name-taken");
    let path = format!("/roles/{}", made["id"].as_str().unwrap());
    let stranger = acme.nexo.person("role:read role:write role:delete").await;
    for answer in [
        stranger.get(&path).await,
        stranger.patch(&path, &made, json!({ "priority": 1 })).await,
        stranger.delete(&path, &made).await,
    ] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(acme.ana.delete(&path, &made).await.status, StatusCode::NO_CONTENT);
    acme.ana.post("/roles", sales()).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_role_that_is_wrong_names_the_field() {
    let acme = Company::new().await;
    for (field, value, pointer) in [
        ("permissions", json!(["client:fly"]), "/permissions"),
        ("permissions", json!(["role:read@own"]), "/permissions"),
        ("permissions", json!("client:read"), "/permissions"),
        ("hidden_fields", json!(["credit_limit"]), "/hidden_fields"),
        ("hidden_fields", json!(["role.name"]), "/hidden_fields"),
        ("priority", json!(101), "/priority"),
        ("priority", json!(80), "/priority"),
        ("name", json!(""), "/name"),
    ] {
        let mut role = sales();
        role[field] = value.clone();
        let problem = acme.ana.post("/roles", role).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{value}: {problem}");
    }
}

#[tokio::test]
async fn no_member_makes_a_role_beyond_their_rights_or_changes_their_own() {
    let acme = Company::new().await;
    let clerk = acme.nexo.member(acme.ana.account, "role:read role:write role:delete client:read@own").await;
    let with = |permissions: Value| json!({ "name": "New", "permissions": permissions });
    for beyond in ["*:*", "client:read", "client:write@own", "*:read", "role:*"] {
        let answer = clerk.post("/roles", with(json!([beyond]))).await.expect(StatusCode::FORBIDDEN);
        assert_eq!(answer["code"], "privilege-escalation", "{beyond}");
    }
    let made = clerk.post("/roles", with(json!(["client:read@own"]))).await.expect(StatusCode::CREATED);
    let path = format!("/roles/{}", made["id"].as_str().unwrap());
    let wider = clerk.patch(&path, &made, json!({ "permissions": ["client:read"] })).await;
    assert_eq!(wider.expect(StatusCode::FORBIDDEN)["code"], "privilege-escalation");

    let own = acme.member(&acme.ana, clerk.user).await["roles"][0]["id"].clone();
    let path = format!("/roles/{}", own.as_str().unwrap());
    let seen = acme.ana.get(&path).await.expect(StatusCode::OK);
    for answer in
        [clerk.patch(&path, &seen, json!({ "permissions": [] })).await, clerk.delete(&path, &seen).await]
    {
        assert_eq!(answer.expect(StatusCode::FORBIDDEN)["code"], "role-own");
    }
    let standard = format!("/roles/{}", acme.role("viewer").await.as_str().unwrap());
    let seen = acme.ana.get(&standard).await.expect(StatusCode::OK);
    for answer in [
        acme.ana.patch(&standard, &seen, json!({ "permissions": ["*:*"] })).await,
        acme.ana.patch(&standard, &seen, json!({ "standard": false })).await,
        acme.ana.delete(&standard, &seen).await,
    ] {
        assert_eq!(answer.expect(StatusCode::CONFLICT)["code"], "role-standard");
    }
}

#[tokio::test]
async fn a_changed_role_shows_on_the_next_request_of_all_who_hold_it() {
    let acme = Company::new().await;
    let eve = acme.nexo.member(acme.ana.account, "member:read").await;
    let role = acme.member(&acme.ana, eve.user).await["roles"][0]["id"].clone();
    let path = format!("/roles/{}", role.as_str().unwrap());
    let seen = acme.ana.get(&path).await.expect(StatusCode::OK);
    let in_use = acme.ana.delete(&path, &seen).await.expect(StatusCode::CONFLICT);
    assert_eq!(in_use["code"], "role-in-use");
    eve.get("/members").await.expect(StatusCode::OK);
    acme.ana.patch(&path, &seen, json!({ "permissions": [] })).await.expect(StatusCode::OK);
    assert_eq!(eve.get("/members").await.status, StatusCode::UNAUTHORIZED);
    assert!(is_told(&acme.nexo, &eve.token).await && !is_told(&acme.nexo, &acme.ana.token).await);
}

#[tokio::test]
async fn teams_are_kept_and_no_member_adds_themselves() {
    let acme = Company::new().await;
    let clerk = acme.nexo.member(acme.ana.account, "team:read team:write member:read").await;
    let team = clerk.post("/teams", json!({ "name": "North" })).await.expect(StatusCode::CREATED);
    let one = format!("/teams/{}", team["id"].as_str().unwrap());
    let path = format!("{one}/members");
    let set = |members: Value| Some(json!({ "members": members }));
    let put = async |person: &testkit::TestUser, members| {
        let seen = acme.ana.get(&one).await.expect(StatusCode::OK)["version"].take();
        person.send(http::Method::PUT, &path, Some(&seen), set(members)).await
    };
    let own = put(&clerk, json!([clerk.user])).await;
    assert_eq!(own.expect(StatusCode::FORBIDDEN)["code"], "own-roles-locked");
    let unknown = put(&clerk, json!([uuid::Uuid::now_v7()])).await;
    assert_eq!(unknown.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "member-unknown");
    put(&acme.ana, json!([clerk.user, acme.ana.user])).await.expect(StatusCode::OK);
    put(&clerk, json!([clerk.user])).await.expect(StatusCode::OK);
    let late = clerk.send(http::Method::PUT, &path, Some(&team["version"]), set(json!([]))).await;
    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED, "somebody else has said so meanwhile");
    assert_eq!(clerk.get(&path).await.expect(StatusCode::OK)["members"], json!([clerk.user]));
    let stranger = acme.nexo.person("team:read team:write").await;
    assert_eq!(stranger.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(put(&stranger, json!([])).await.status, StatusCode::NOT_FOUND);
}
