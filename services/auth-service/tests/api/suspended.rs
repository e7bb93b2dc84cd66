//! A suspension lasts until an authorized member ends it.

use http::{Method, StatusCode};
use serde_json::json;
use testkit::{TestResponse, TestUser};

use crate::{
    PASSWORD,
    company::{Company, person},
    letter, post, registered,
};

/// Acme, and Ben of another account, who is a member of Acme as well.
async fn company() -> (Company, TestUser) {
    let acme = Company::new().await;
    let ben = person(&acme.nexo, &registered(&acme.nexo, "ben@other.test", "Other").await);
    invite(&acme, &acme.ana).await.expect(StatusCode::CREATED);
    accept(&acme, &ben).await.expect(StatusCode::OK);
    (acme, ben)
}

async fn invite(acme: &Company, who: &TestUser) -> TestResponse {
    let role = acme.role("viewer").await;
    who.post("/invitations", json!({ "email": "ben@other.test", "role_id": role })).await
}

async fn accept(acme: &Company, who: &TestUser) -> TestResponse {
    let token = letter(&acme.nexo, "ben@other.test").await["token"].clone();
    who.post("/invitations/accept", json!({ "token": token })).await
}

async fn leave(acme: &Company, who: &TestUser) -> TestResponse {
    who.send(Method::DELETE, &format!("/accounts/{}/membership", acme.ana.account), None, None).await
}

#[tokio::test]
async fn a_suspended_member_neither_leaves_nor_comes_back() {
    let (acme, ben) = company().await;
    let open = json!({ "email": "ben@other.test", "role_id": acme.role("viewer").await });
    acme.change(&acme.ana, ben.user, json!({ "status": "suspended" })).await.expect(StatusCode::OK);
    assert_eq!(
        acme.ana.post("/invitations", open).await.expect(StatusCode::CONFLICT)["code"],
        "already-member"
    );
    assert_eq!(leave(&acme, &ben).await.expect(StatusCode::CONFLICT)["code"], "member-suspended");
    // Simulates an older invitation that is still open.
    let again = "update app.invitations set accepted_at = null";
    acme.nexo.ground.database.run(again).await;
    assert_eq!(accept(&acme, &ben).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let login = json!({ "email": "ben@other.test", "password": PASSWORD, "account": "acme" });
    post(&acme.nexo, "login", login).await.expect(StatusCode::UNAUTHORIZED);
    let switch = ben.post(&format!("/accounts/{}/sessions", acme.ana.account), json!({})).await;
    assert_eq!(switch.status, StatusCode::NOT_FOUND);
    assert_eq!(acme.member(&acme.ana, ben.user).await["status"], "suspended");

    acme.change(&acme.ana, ben.user, json!({ "status": "active" })).await.expect(StatusCode::OK);
    assert_eq!(leave(&acme, &ben).await.status, StatusCode::NO_CONTENT);
    invite(&acme, &acme.ana).await.expect(StatusCode::CREATED);
    accept(&acme, &ben).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn readmitting_a_member_removed_while_suspended_needs_the_right_to_end_the_suspension() {
    let (acme, ben) = company().await;
    let viewer = identity::STANDARD_ROLES.iter().find(|role| role.name == "viewer").unwrap();
    let viewer = viewer.permissions.join(" ");
    let host =
        acme.nexo.member(acme.ana.account, &format!("{viewer} invitation:read invitation:write")).await;
    acme.change(&acme.ana, ben.user, json!({ "status": "suspended" })).await.expect(StatusCode::OK);
    assert_eq!(acme.remove(&acme.ana, ben.user).await.status, StatusCode::NO_CONTENT);
    let refused = invite(&acme, &host).await.expect(StatusCode::FORBIDDEN);
    assert!(refused["detail"].as_str().unwrap().contains("member:write"), "{refused}");

    acme.nexo.ground.database.run("delete from app.login_attempts").await;
    // Its grantor could end a suspension when they sent it, but no longer can.
    let boss = acme.nexo.member(acme.ana.account, &format!("{viewer} invitation:write member:write")).await;
    invite(&acme, &boss).await.expect(StatusCode::CREATED);
    let less = acme.made_role(&acme.ana, &["invitation:write"], &[]).await;
    acme.give(&acme.ana, boss.user, &[&acme.role("viewer").await, &less]).await.expect(StatusCode::OK);
    assert_eq!(
        accept(&acme, &ben).await.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"],
        "invitation-invalid"
    );

    invite(&acme, &acme.ana).await.expect(StatusCode::CREATED);
    let there = person(&acme.nexo, &accept(&acme, &ben).await.expect(StatusCode::OK));
    there.get("/auth/me").await.expect(StatusCode::OK);
    acme.nexo.ground.database.run("delete from app.login_attempts").await;
    // The suspension is over: after another removal, any inviting member can let them in.
    assert_eq!(acme.remove(&acme.ana, ben.user).await.status, StatusCode::NO_CONTENT);
    invite(&acme, &host).await.expect(StatusCode::CREATED);
    accept(&acme, &ben).await.expect(StatusCode::OK);
}
