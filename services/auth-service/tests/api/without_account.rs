//! People without an account: they log in, see their own data, and return or open an account.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{TestApp, TestResponse, TestUser};

use crate::{
    PASSWORD,
    company::{Company, person},
    letter, post, registered,
};

async fn login(nexo: &TestApp, email: &str, password: &str) -> TestResponse {
    post(nexo, "login", json!({ "email": email, "password": password })).await
}

fn holder(nexo: &TestApp, tokens: &Value) -> TestUser {
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    TestUser { token, ..TestUser::nobody(&nexo.router) }
}

impl Company {
    /// Sends an invitation, and returns the token of its e-mail.
    pub(crate) async fn letter_to(&self, email: &str) -> Value {
        let invitation = json!({ "email": email, "role_id": self.role("viewer").await });
        self.ana.post("/invitations", invitation).await.expect(StatusCode::CREATED);
        letter(&self.nexo, email).await["token"].clone()
    }

    /// A user who registered by an invitation, and is a member of no other account.
    pub(crate) async fn newcomer(&self, email: &str) -> TestUser {
        let token = self.letter_to(email).await;
        let new = json!({ "token": token, "display_name": "Eve", "password": PASSWORD });
        let joined = post(&self.nexo, "invitations/accept", new).await.expect(StatusCode::OK);
        person(&self.nexo, &joined)
    }

    /// A user who was removed from their only account, and has logged in since.
    async fn removed(&self, email: &str) -> TestUser {
        let eve = self.newcomer(email).await;
        assert_eq!(self.remove(&self.ana, eve.user).await.status, StatusCode::NO_CONTENT);
        holder(&self.nexo, &login(&self.nexo, email, PASSWORD).await.expect(StatusCode::OK))
    }
}

#[tokio::test]
async fn a_user_removed_from_their_only_account_logs_in_and_rejoins() {
    let acme = Company::new().await;
    let eve = acme.newcomer("eve@acme.test").await;
    assert_eq!(acme.remove(&acme.ana, eve.user).await.status, StatusCode::NO_CONTENT);
    let token = acme.letter_to("eve@acme.test").await;
    let new = json!({ "token": token, "display_name": "Eve", "password": PASSWORD });
    let known = post(&acme.nexo, "invitations/accept", new).await;
    assert_eq!(known.expect(StatusCode::CONFLICT)["code"], "login-required");

    let tokens = login(&acme.nexo, "eve@acme.test", PASSWORD).await.expect(StatusCode::OK);
    assert_eq!((&tokens["no_account"], &tokens["expires_in"]), (&json!(true), &json!(600)));
    assert_eq!((&tokens["refresh_token"], &tokens["account_id"]), (&Value::Null, &Value::Null));
    let outside = holder(&acme.nexo, &tokens);
    let me = outside.get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!((&me["user"]["email"], &me["account"]), (&json!("eve@acme.test"), &Value::Null));
    assert_eq!(outside.get("/accounts").await.expect(StatusCode::OK), json!({ "data": [], "current": null }));
    let invited = outside.get("/auth/invitations").await.expect(StatusCode::OK);
    assert_eq!((&invited["data"][0]["name"], &invited["data"][1]), (&json!("Acme"), &Value::Null));

    let back = outside.post("/invitations/accept", json!({ "token": token })).await.expect(StatusCode::OK);
    assert!(back["refresh_token"].is_string());
    let back = person(&acme.nexo, &back);
    assert_eq!((back.account, back.user), (acme.ana.account, eve.user));
    assert_eq!(back.get("/auth/me").await.expect(StatusCode::OK)["roles"], json!(["viewer"]));
    assert_eq!(back.get("/auth/invitations").await.expect(StatusCode::OK), json!({ "data": [] }));
    let again = login(&acme.nexo, "eve@acme.test", PASSWORD).await.expect(StatusCode::OK);
    assert_eq!(again["account_id"], json!(acme.ana.account), "a login is like any other again");
}

#[tokio::test]
async fn a_user_who_left_their_only_account_logs_in_and_opens_another() {
    let acme = Company::new().await;
    let eve = acme.newcomer("eve@acme.test").await;
    let leave = format!("/accounts/{}/membership", acme.ana.account);
    assert_eq!(eve.send(Method::DELETE, &leave, None, None).await.status, StatusCode::NO_CONTENT);
    let outside =
        holder(&acme.nexo, &login(&acme.nexo, "eve@acme.test", PASSWORD).await.expect(StatusCode::OK));
    let opened = outside.post("/accounts", json!({ "name": "Borealis" })).await.expect(StatusCode::CREATED);
    let there = person(&acme.nexo, &opened);
    assert_eq!(there.user, eve.user);
    assert_eq!(there.get("/auth/me").await.expect(StatusCode::OK)["roles"], json!(["owner"]));
    let again = json!({ "refresh_token": opened["refresh_token"] });
    post(&acme.nexo, "refresh", again).await.expect(StatusCode::OK);
    let step_up = there.post("/auth/step-up", json!({ "password": PASSWORD })).await;
    assert_eq!(step_up.status, StatusCode::NO_CONTENT);
}

/// An administrator of one account must not lock a user out of all others.
#[tokio::test]
async fn a_user_suspended_in_their_only_account_logs_in_and_stays_suspended_there() {
    let acme = Company::new().await;
    let eve = acme.newcomer("eve@acme.test").await;
    acme.change(&acme.ana, eve.user, json!({ "status": "suspended" })).await.expect(StatusCode::OK);
    let outside =
        holder(&acme.nexo, &login(&acme.nexo, "eve@acme.test", PASSWORD).await.expect(StatusCode::OK));
    let mine = outside.get("/accounts").await.expect(StatusCode::OK);
    assert_eq!(mine["data"][0]["status"], "suspended");
    let there = format!("/accounts/{}/sessions", acme.ana.account);
    assert_eq!(outside.post(&there, json!({})).await.expect(StatusCode::FORBIDDEN)["code"], "no-account");
    outside.post("/accounts", json!({ "name": "Borealis" })).await.expect(StatusCode::CREATED);
}

/// For active members a wrong account is a failed login. Without the password nothing is revealed.
#[tokio::test]
async fn having_no_account_is_not_revealed() {
    let acme = Company::new().await;
    acme.removed("eve@acme.test").await;
    registered(&acme.nexo, "ben@other.test", "Other").await;
    let mut told = Vec::new();
    for body in [
        json!({ "email": "eve@acme.test", "password": "wrong" }),
        json!({ "email": "nobody@acme.test", "password": PASSWORD }),
        json!({ "email": "ben@other.test", "password": PASSWORD, "account": "acme" }),
    ] {
        let mut problem = post(&acme.nexo, "login", body).await.expect(StatusCode::UNAUTHORIZED);
        problem["request_id"].take();
        told.push(problem);
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
    let named = json!({ "email": "eve@acme.test", "password": PASSWORD, "account": "acme" });
    let outside = post(&acme.nexo, "login", named).await.expect(StatusCode::OK);
    assert_eq!(outside["no_account"], true, "whichever account they ask for");
    acme.nexo.ground.database.run("update app.users set status = 'suspended'").await;
    login(&acme.nexo, "eve@acme.test", PASSWORD).await.expect(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn another_password_or_ten_minutes_end_the_token_of_a_person() {
    let acme = Company::new().await;
    let outside = acme.removed("eve@acme.test").await;
    outside.get("/auth/me").await.expect(StatusCode::OK);
    let ask = json!({ "email": "eve@acme.test" });
    post(&acme.nexo, "password/reset", ask).await.expect(StatusCode::ACCEPTED);
    let token = letter(&acme.nexo, "eve@acme.test").await["token"].clone();
    let reset = json!({ "token": token, "new_password": "another-lantern-orbit" });
    assert_eq!(post(&acme.nexo, "password/reset/confirm", reset).await.status, StatusCode::NO_CONTENT);
    for path in ["/auth/me", "/accounts", "/auth/invitations"] {
        assert_eq!(outside.get(path).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let opening = outside.post("/accounts", json!({ "name": "Borealis" })).await;
    assert_eq!(opening.status, StatusCode::UNAUTHORIZED);

    let tokens = login(&acme.nexo, "eve@acme.test", "another-lantern-orbit").await.expect(StatusCode::OK);
    let outside = holder(&acme.nexo, &tokens);
    outside.get("/auth/me").await.expect(StatusCode::OK);
    acme.nexo.ground.database.run("update app.person_sessions set expires_at = now()").await;
    assert_eq!(outside.get("/auth/me").await.status, StatusCode::UNAUTHORIZED);
    let mut look = acme.nexo.ground.database.look().await;
    login(&acme.nexo, "eve@acme.test", "another-lantern-orbit").await.expect(StatusCode::OK);
    let (kept,): (i64,) =
        sqlx::query_as("select count(*) from app.person_sessions").fetch_one(&mut look).await.unwrap();
    assert_eq!(kept, 1, "what has ended is removed");
}

#[tokio::test]
async fn a_person_sees_and_accepts_their_own_invitations_alone() {
    let acme = Company::new().await;
    let eve = acme.removed("eve@acme.test").await;
    let of_zoe = acme.letter_to("zoe@acme.test").await;
    assert_eq!(eve.get("/auth/invitations").await.expect(StatusCode::OK)["data"], json!([]));
    let refused = eve.post("/invitations/accept", json!({ "token": of_zoe })).await;
    assert_eq!(refused.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "invitation-invalid");
    acme.letter_to("EVE@acme.test").await;
    let mine = eve.get("/auth/invitations").await.expect(StatusCode::OK);
    assert_eq!(mine["data"].as_array().unwrap().len(), 1);
    for ended in ["revoked_at = now()", "revoked_at = null, expires_at = now()"] {
        acme.nexo.ground.database.run(&format!("update app.invitations set {ended}")).await;
        assert_eq!(eve.get("/auth/invitations").await.expect(StatusCode::OK)["data"], json!([]), "{ended}");
    }
}

/// Client generators need distinct schemas: exactly one matches each answer, and an optional body is not required.
#[test]
fn the_document_tells_the_two_answers_of_a_login_apart() {
    let (_, document) = auth_service::api().split_for_parts();
    let document = serde_json::to_value(document).unwrap();
    let schemas = &document["components"]["schemas"];
    let required = |name: &str| schemas[name]["required"].as_array().unwrap().clone();
    for (one, only) in [("PersonToken", "no_account"), ("TokenPair", "refresh_token"), ("Member", "email")] {
        assert!(required(one).contains(&json!(only)), "{one}");
    }
    for either in ["LoginResponse", "KnownMember"] {
        assert_eq!(schemas[either]["oneOf"].as_array().unwrap().len(), 2, "{either}");
    }
    assert_eq!(schemas["FormerStatus"]["enum"], json!(["removed"]));
    let logout = &document["paths"]["/api/v1/auth/logout"]["post"];
    assert_ne!(logout["requestBody"]["required"], json!(true), "{logout}");
    assert_eq!(logout["security"], json!([{}, { "access_token": [] }]));
}
