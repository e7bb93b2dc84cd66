//! Invitations: bound to an address, valid once, until they are revoked.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{TestResponse, TestUser};

use crate::{
    PASSWORD,
    company::{Company, person},
    letter, post, registered,
};

impl Company {
    async fn invite(&self, who: &TestUser, email: &str, role: &str) -> TestResponse {
        who.post("/invitations", json!({ "email": email, "role_id": self.role(role).await })).await
    }

    /// Invites an address and returns the invitation's id and token.
    async fn invited(&self, email: &str, role: &str) -> (String, Value) {
        let made = self.invite(&self.ana, email, role).await.expect(StatusCode::CREATED);
        (made["id"].as_str().unwrap().to_owned(), letter(&self.nexo, email).await["token"].clone())
    }

    async fn join(&self, token: &Value) -> TestResponse {
        let new = json!({ "token": token, "display_name": "Eve", "password": PASSWORD });
        post(&self.nexo, "invitations/accept", new).await
    }
}

fn refused(answer: TestResponse) {
    assert_eq!(answer.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "invitation-invalid");
}

#[tokio::test]
async fn a_new_user_joins_once_with_the_invited_roles() {
    let acme = Company::new().await;
    let (_, token) = acme.invited("eve@acme.test", "employee").await;
    let (one, other) = tokio::join!(acme.join(&token), acme.join(&token));
    let mut both = [one, other];
    both.sort_by_key(|answer| answer.status);
    let [joined, late] = both;
    assert!(late.status.is_client_error(), "{late:?}");
    let eve = person(&acme.nexo, &joined.expect(StatusCode::OK));
    assert_eq!(eve.account, acme.ana.account);
    assert_eq!(eve.get("/auth/me").await.expect(StatusCode::OK)["roles"], json!(["employee"]));
    refused(acme.join(&token).await);
    let listed = acme.ana.get("/invitations").await.expect(StatusCode::OK);
    assert_eq!(listed["data"][0]["status"], "accepted");
    post(&acme.nexo, "login", json!({ "email": "eve@acme.test", "password": PASSWORD }))
        .await
        .expect(StatusCode::OK);
}

#[tokio::test]
async fn a_registered_user_accepts_only_invitations_to_their_address() {
    let acme = Company::new().await;
    let ben = person(&acme.nexo, &registered(&acme.nexo, "ben@other.test", "Other").await);
    let eve = person(&acme.nexo, &registered(&acme.nexo, "eve@evil.test", "Evil").await);
    let (_, token) = acme.invited("Ben@other.test", "viewer").await;
    assert_eq!(acme.join(&token).await.expect(StatusCode::CONFLICT)["code"], "login-required");
    let shown = json!({ "token": token });
    refused(eve.post("/invitations/accept", shown.clone()).await);
    let there =
        person(&acme.nexo, &ben.post("/invitations/accept", shown.clone()).await.expect(StatusCode::OK));
    assert_eq!((there.account, there.user), (acme.ana.account, ben.user));
    assert_eq!(ben.get("/accounts").await.body["data"].as_array().unwrap().len(), 2);
    refused(ben.post("/invitations/accept", shown).await);
}

#[tokio::test]
async fn an_invitation_that_was_taken_back_or_replaced_or_is_old_is_none() {
    let acme = Company::new().await;
    let (id, revoked) = acme.invited("eve@acme.test", "viewer").await;
    let path = format!("/invitations/{id}");
    let stranger = acme.nexo.person("invitation:read invitation:write invitation:delete").await;
    assert_eq!(stranger.send(Method::DELETE, &path, None, None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stranger.post(&format!("{path}/resend"), json!({})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(acme.ana.send(Method::DELETE, &path, None, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(acme.ana.send(Method::DELETE, &path, None, None).await.status, StatusCode::NOT_FOUND);
    refused(acme.join(&revoked).await);

    let (_, replaced) = acme.invited("eve@acme.test", "viewer").await;
    let (id, resent) = acme.invited("eve@acme.test", "viewer").await;
    refused(acme.join(&replaced).await);
    acme.ana.post(&format!("/invitations/{id}/resend"), json!({})).await.expect(StatusCode::ACCEPTED);
    refused(acme.join(&resent).await);
    let token = letter(&acme.nexo, "eve@acme.test").await["token"].clone();
    acme.nexo
        .ground
        .database
        .run("update app.invitations set expires_at = now() - interval '1 second'")
        .await;
    refused(acme.join(&token).await);
    for forged in ["nxi_", "nonsense", ""] {
        refused(acme.join(&json!(forged)).await);
    }
}

#[tokio::test]
async fn no_member_invites_beyond_their_rights_and_a_removed_member_has_no_invitations() {
    let acme = Company::new().await;
    let admin = acme.somebody("admin").await;
    let clerk = acme.nexo.member(acme.ana.account, "invitation:write client:read").await;
    let forbidden = acme.invite(&clerk, "x@acme.test", "viewer").await.expect(StatusCode::FORBIDDEN);
    assert_eq!(forbidden["code"], "privilege-escalation");
    let owner = acme.invite(&admin, "x@acme.test", "owner").await.expect(StatusCode::FORBIDDEN);
    assert_eq!(owner["code"], "owner-required");
    acme.invite(&admin, "x@acme.test", "admin").await.expect(StatusCode::CREATED);
    let token = letter(&acme.nexo, "x@acme.test").await["token"].clone();
    assert_eq!(acme.remove(&acme.ana, admin.user).await.status, StatusCode::NO_CONTENT);
    refused(acme.join(&token).await);

    let other = acme.somebody("admin").await;
    acme.invite(&other, "y@acme.test", "viewer").await.expect(StatusCode::CREATED);
    let token = letter(&acme.nexo, "y@acme.test").await["token"].clone();
    acme.change(&acme.ana, other.user, json!({ "status": "suspended" })).await.expect(StatusCode::OK);
    refused(acme.join(&token).await);
}

#[tokio::test]
async fn an_invitation_readmits_a_removed_member_and_not_a_suspended_one() {
    let acme = Company::new().await;
    let (_, first) = acme.invited("eve@acme.test", "viewer").await;
    let eve = person(&acme.nexo, &acme.join(&first).await.expect(StatusCode::OK));
    let ben = person(&acme.nexo, &registered(&acme.nexo, "ben@other.test", "Other").await);
    let (_, token) = acme.invited("ben@other.test", "viewer").await;
    ben.post("/invitations/accept", json!({ "token": token })).await.expect(StatusCode::OK);
    assert_eq!(acme.remove(&acme.ana, ben.user).await.status, StatusCode::NO_CONTENT);
    acme.change(&acme.ana, eve.user, json!({ "status": "suspended" })).await.expect(StatusCode::OK);

    let (_, token) = acme.invited("ben@other.test", "manager").await;
    let back = ben.post("/invitations/accept", json!({ "token": token })).await.expect(StatusCode::OK);
    let back = person(&acme.nexo, &back);
    assert_eq!(back.get("/auth/me").await.body["roles"], json!(["manager"]));

    let again = acme.invite(&acme.ana, "eve@acme.test", "manager").await;
    assert_eq!(again.expect(StatusCode::CONFLICT)["code"], "already-member");
    let login = json!({ "email": "eve@acme.test", "password": PASSWORD });
    let outside = post(&acme.nexo, "login", login).await.expect(StatusCode::OK);
    assert_eq!(outside["no_account"], true);
    let access = outside["access_token"].as_str().unwrap().to_owned();
    let outside = TestUser { token: access, ..TestUser::nobody(&acme.nexo.router) };
    acme.nexo
        .ground
        .database
        .run("update app.invitations set accepted_at = null where email = 'eve@acme.test'")
        .await;
    refused(outside.post("/invitations/accept", json!({ "token": first })).await);
    acme.nexo.ground.database.run("update app.invitations set accepted_at = now()").await;
    assert_eq!(outside.get("/auth/invitations").await.expect(StatusCode::OK)["data"], json!([]));
}
