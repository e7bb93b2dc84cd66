//! The role of an invitation is checked against its grantor's rights at each operation on it.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{TestResponse, TestUser};

use crate::{
    PASSWORD,
    company::{Company, person},
    letter, post, registered,
};

const EVE: &str = "eve@new.test";

async fn invite(who: &TestUser, role: &Value) -> TestResponse {
    who.post("/invitations", json!({ "email": EVE, "role_id": role })).await
}

async fn join(acme: &Company) -> TestResponse {
    let token = letter(&acme.nexo, EVE).await["token"].clone();
    let new = json!({ "token": token, "display_name": "Eve", "password": PASSWORD });
    post(&acme.nexo, "invitations/accept", new).await
}

/// The newest invitation's `unusable_reason`, if any.
async fn unusable(acme: &Company) -> Value {
    acme.ana.get("/invitations").await.expect(StatusCode::OK)["data"][0]["unusable_reason"].clone()
}

#[track_caller]
fn invalid(answer: TestResponse) {
    assert_eq!(answer.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "invitation-invalid");
}

#[tokio::test]
async fn an_invitation_is_worth_what_its_grantor_may_when_it_is_accepted() {
    let acme = Company::new().await;
    let (admin, viewer) = (acme.role("admin").await, acme.role("viewer").await);
    let boss = acme.somebody("admin").await;
    invite(&boss, &admin).await.expect(StatusCode::CREATED);
    assert_eq!(unusable(&acme).await, Value::Null);

    acme.give(&acme.ana, boss.user, &[&viewer]).await.expect(StatusCode::OK);
    invalid(join(&acme).await);
    assert_eq!(unusable(&acme).await, "its grantor may no longer invite");
    let invites = acme.made_role(&acme.ana, &["invitation:write"], &[]).await;
    acme.give(&acme.ana, boss.user, &[&viewer, &invites]).await.expect(StatusCode::OK);
    invalid(join(&acme).await);
    assert_eq!(unusable(&acme).await, "this reaches beyond your own rights: *:*");

    // The user who resends an invitation becomes its grantor.
    let id = acme.ana.get("/invitations").await.body["data"][0]["id"].as_str().unwrap().to_owned();
    acme.ana.post(&format!("/invitations/{id}/resend"), json!({})).await.expect(StatusCode::ACCEPTED);
    assert_eq!(unusable(&acme).await, Value::Null);
    let eve = person(&acme.nexo, &join(&acme).await.expect(StatusCode::OK));
    assert_eq!(eve.get("/auth/me").await.body["roles"], json!(["admin"]));
}

#[tokio::test]
async fn a_role_that_was_widened_or_shown_more_since_is_judged_as_it_is() {
    let acme = Company::new().await;
    let hidden = "client.credit_limit";
    let rights = "client:read client:write invitation:read invitation:write role:read";
    let host = acme.nexo.member_without(acme.ana.account, rights, &[hidden]).await;
    let role = acme.made_role(&acme.ana, &["client:read"], &[hidden]).await;
    invite(&host, &role).await.expect(StatusCode::CREATED);
    for (wider, lacks) in [
        (json!({ "permissions": ["client:read", "client:delete"] }), "client:delete"),
        (json!({ "permissions": ["client:write"], "hidden_fields": [] }), hidden),
    ] {
        acme.edit_role(&acme.ana, &role, wider).await.expect(StatusCode::OK);
        invalid(join(&acme).await);
        assert!(unusable(&acme).await.as_str().unwrap().ends_with(lacks));
    }
    let as_it_was = json!({ "permissions": ["client:read"], "hidden_fields": [hidden] });
    acme.edit_role(&acme.ana, &role, as_it_was).await.expect(StatusCode::OK);
    join(&acme).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn an_invitation_to_a_role_that_was_removed_is_none() {
    let acme = Company::new().await;
    let role = acme.made_role(&acme.ana, &["client:read"], &[]).await;
    invite(&acme.ana, &role).await.expect(StatusCode::CREATED);
    let path = format!("/roles/{}", role.as_str().unwrap());
    let seen = acme.ana.get(&path).await.expect(StatusCode::OK);
    assert_eq!(acme.ana.delete(&path, &seen).await.status, StatusCode::NO_CONTENT);
    invalid(join(&acme).await);
    assert_eq!(unusable(&acme).await, "its role was removed");
}

#[tokio::test]
async fn handling_an_invitation_needs_the_rights_that_it_grants() {
    let acme = Company::new().await;
    let host = acme
        .nexo
        .member(acme.ana.account, "client:read invitation:read invitation:write invitation:delete role:read")
        .await;
    let less = acme.made_role(&acme.ana, &["client:read"], &[]).await;
    let made = invite(&acme.ana, &acme.role("admin").await).await.expect(StatusCode::CREATED);
    let path = format!("/invitations/{}", made["id"].as_str().unwrap());
    for answer in [
        host.post(&format!("{path}/resend"), json!({})).await,
        host.send(Method::DELETE, &path, None, None).await,
        invite(&host, &less).await,
    ] {
        assert_eq!(answer.expect(StatusCode::FORBIDDEN)["code"], "privilege-escalation");
    }
    join(&acme).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn inviting_a_member_answers_with_their_roles_and_sends_no_mail() {
    let acme = Company::new().await;
    let ben = person(&acme.nexo, &registered(&acme.nexo, "ben@other.test", "Other").await);
    let viewer = acme.role("viewer").await;
    let asked = json!({ "email": "BEN@other.test", "role_id": viewer });
    acme.ana.post("/invitations", asked.clone()).await.expect(StatusCode::CREATED);
    let token = letter(&acme.nexo, "ben@other.test").await["token"].clone();
    ben.post("/invitations/accept", json!({ "token": token })).await.expect(StatusCode::OK);

    for status in ["active", "suspended"] {
        acme.change(&acme.ana, ben.user, json!({ "status": status })).await.expect(StatusCode::OK);
        let problem = acme.ana.post("/invitations", asked.clone()).await.expect(StatusCode::CONFLICT);
        assert_eq!(
            (&problem["code"], &problem["current"]["id"]),
            (&json!("already-member"), &json!(ben.user))
        );
        assert_eq!(problem["current"]["status"], status);
        assert_eq!(problem["current"]["roles"][0]["name"], "viewer");
        assert_eq!(letter(&acme.nexo, "ben@other.test").await["token"], token, "no letter");
    }
    let permissions = acme.ana.get(&format!("/roles/{}", viewer.as_str().unwrap())).await.body;
    let permissions: Vec<_> =
        permissions["permissions"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    let permissions = permissions.join(" ").replace("member:read ", "");
    let host = acme.nexo.member(acme.ana.account, &format!("{permissions} invitation:write")).await;
    let none = acme.made_role(&acme.ana, &[], &[]).await;
    let problem = host.post("/invitations", json!({ "email": "ben@other.test", "role_id": none })).await;
    let problem = problem.expect(StatusCode::CONFLICT);
    assert_eq!((&problem["code"], &problem["current"]), (&json!("already-member"), &Value::Null));

    acme.nexo.ground.database.run("delete from app.login_attempts").await;
    // Nothing is revealed about members of other accounts, nor about former members.
    registered(&acme.nexo, "eve@evil.test", "Evil").await;
    let known = json!({ "email": "eve@evil.test", "role_id": none });
    host.post("/invitations", known).await.expect(StatusCode::CREATED);
    acme.change(&acme.ana, ben.user, json!({ "status": "active" })).await.expect(StatusCode::OK);
    acme.remove(&acme.ana, ben.user).await;
    acme.ana.post("/invitations", asked).await.expect(StatusCode::CREATED);
}
