//! API keys: what they grant, its limits, and their lifetime.

use std::net::SocketAddr;

use axum::{Extension, extract::ConnectInfo};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{TestResponse, TestUser};

use crate::{
    PASSWORD,
    company::{Company, person},
    is_told, nexo, post,
};

impl Company {
    /// Creates a key of `who` and returns the response body.
    async fn key(&self, who: &TestUser, permissions: &[&str]) -> Value {
        make(who, permissions).await.expect(StatusCode::CREATED)
    }

    /// Exchanges a key for an access token.
    async fn exchange(&self, key: &Value) -> TestResponse {
        show(&TestUser::nobody(&self.nexo.router), key["key"].as_str().unwrap()).await
    }

    /// A test user that acts with the key's access token.
    async fn acting(&self, key: &Value) -> TestUser {
        let token = self.exchange(key).await.expect(StatusCode::OK);
        TestUser {
            token: token["access_token"].as_str().unwrap().to_owned(),
            account: self.ana.account,
            ..TestUser::nobody(&self.nexo.router)
        }
    }

    async fn revoke(&self, who: &TestUser, key: &Value) -> TestResponse {
        who.send(Method::DELETE, &format!("/api-keys/{}", key["id"].as_str().unwrap()), None, None).await
    }

    /// Creates a service account with this role.
    async fn service(&self, role: &str) -> Value {
        let new = json!({ "name": "Warehouse", "role_ids": [self.role(role).await] });
        self.ana.post("/service-accounts", new).await.expect(StatusCode::CREATED)
    }

    /// The entry of the key in the list of keys.
    async fn listed(&self, key: &Value) -> Value {
        let all = self.ana.get("/api-keys").await.expect(StatusCode::OK);
        all["data"].as_array().unwrap().iter().find(|one| one["id"] == key["id"]).unwrap().clone()
    }
}

async fn make(who: &TestUser, permissions: &[&str]) -> TestResponse {
    who.post("/api-keys", json!({ "name": "Import", "permissions": permissions })).await
}

async fn show(nobody: &TestUser, text: &str) -> TestResponse {
    let bearer = TestUser { token: text.to_owned(), ..nobody.clone() };
    bearer.send_raw(Method::POST, "/api/v1/auth/token", &[], "").await
}

#[track_caller]
fn refused(answer: TestResponse) {
    assert_eq!(answer.expect(StatusCode::UNAUTHORIZED)["code"], "api-key-invalid");
}

#[tokio::test]
async fn a_key_does_what_both_it_and_its_member_may_and_no_more() {
    let acme = Company::new().await;
    let eve = acme.nexo.member(acme.ana.account, "client:*@team api_key:write member:read").await;
    let key = acme.key(&eve, &["client:read@own", "member:read"]).await;
    let program = acme.acting(&key).await;
    let me = program.get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!(me["user"]["id"], json!(eve.user));
    assert_eq!((&me["roles"], &me["permissions"]), (&json!([]), &json!(["client:read@own", "member:read"])));
    program.get("/members").await.expect(StatusCode::OK);
    program.get("/api-keys").await.expect(StatusCode::FORBIDDEN);
    assert_eq!(make(&program, &["member:read"]).await.status, StatusCode::FORBIDDEN);
    // The key may also be sent in the body.
    let body = post(&acme.nexo, "token", json!({ "api_key": key["key"] })).await.expect(StatusCode::OK);
    assert_eq!((body.get("refresh_token"), &body["expires_in"]), (None, &json!(600)));
}

#[tokio::test]
async fn what_everybody_may_do_with_their_own_login_no_key_may() {
    let acme = Company::new().await;
    let program = acme.acting(&acme.key(&acme.ana, &["*:*"]).await).await;
    let account = acme.ana.account;
    for (method, path) in [
        (Method::POST, format!("/accounts/{account}/sessions")),
        (Method::DELETE, format!("/accounts/{account}/membership")),
        (Method::POST, "/accounts".to_owned()),
        (Method::GET, "/accounts".to_owned()),
        (Method::GET, "/auth/sessions".to_owned()),
        (Method::POST, "/auth/sessions/end-others".to_owned()),
        (Method::POST, "/auth/logout".to_owned()),
        (Method::POST, "/auth/password".to_owned()),
        (Method::POST, "/auth/email".to_owned()),
        (Method::POST, "/invitations/accept".to_owned()),
    ] {
        let answer = program.send(method.clone(), &path, None, Some(json!({}))).await;
        assert_eq!(answer.expect(StatusCode::FORBIDDEN)["code"], "api-key-not-allowed", "{method} {path}");
    }
}

#[tokio::test]
async fn its_text_is_shown_once_and_never_kept_in_clear() {
    let acme = Company::new().await;
    let key = acme.key(&acme.ana, &["client:read"]).await;
    acme.acting(&key).await;
    let text = key["key"].as_str().unwrap();
    let secret = text.rsplit('_').next().unwrap();
    assert_eq!((text.len(), secret.len()), (134, 64));
    let listed = acme.ana.get("/api-keys").await.expect(StatusCode::OK);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    assert!(!listed.to_string().contains(secret), "{listed}");
    let mut look = acme.nexo.ground.database.look().await;
    for table in ["api_keys", "sessions", "audit_log", "outbox", "idempotency_keys"] {
        let rows = format!("select coalesce(string_agg(t::text, ''), '') from app.{table} t");
        let (rows,): (String,) =
            sqlx::query_as(sqlx::AssertSqlSafe(rows)).fetch_one(&mut look).await.unwrap();
        assert!(!rows.contains(secret), "{table}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_on_the_next_request_and_so_is_its_token() {
    let acme = Company::new().await;
    let key = acme.key(&acme.ana, &["member:read"]).await;
    let program = acme.acting(&key).await;
    program.get("/members").await.expect(StatusCode::OK);
    assert_eq!(acme.revoke(&acme.ana, &key).await.status, StatusCode::NO_CONTENT);
    assert_eq!(program.get("/members").await.status, StatusCode::UNAUTHORIZED);
    assert!(is_told(&acme.nexo, &program.token).await);
    refused(acme.exchange(&key).await);
    assert_eq!(acme.revoke(&acme.ana, &key).await.status, StatusCode::NOT_FOUND);
    let listed = acme.listed(&key).await;
    assert_eq!(listed["status"], "revoked");
    assert!(listed["revoked_at"].is_string());
}

#[tokio::test]
async fn an_expired_key_is_refused_and_so_is_its_token() {
    let acme = Company::new().await;
    let key = acme.key(&acme.ana, &["member:read"]).await;
    let program = acme.acting(&key).await;
    let expires =
        |when: &str| format!("update app.sessions set expires_at = now() + {when} where kind = 'api_key'");
    acme.nexo.ground.database.run(&expires("interval '100 seconds'")).await;
    let life = acme.exchange(&key).await.expect(StatusCode::OK)["expires_in"].as_u64().unwrap();
    assert!((90..=100).contains(&life), "no token is said to outlive its key: {life}");
    acme.nexo.ground.database.run(&expires("interval '-1 second'")).await;
    assert_eq!(program.get("/members").await.status, StatusCode::UNAUTHORIZED);
    refused(acme.exchange(&key).await);
    assert_eq!(acme.listed(&key).await["status"], "expired");
    for days in [0, 366] {
        let new = json!({ "name": "Import", "permissions": ["member:read"], "expires_in_days": days });
        acme.ana.post("/api-keys", new).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_a_key_the_answer_is_the_same() {
    let acme = Company::new().await;
    let key = acme.key(&acme.ana, &["member:read"]).await;
    let other = acme.key(&acme.ana, &["member:read"]).await;
    let text = key["key"].as_str().unwrap();
    let (name, secret) = text.rsplit_once('_').unwrap();
    let (_, foreign) = other["key"].as_str().unwrap().rsplit_once('_').unwrap();
    let mut answers = Vec::new();
    for bad in [
        format!("{name}_{foreign}"),
        format!("nxk_{:032x}_{:032x}_{secret}", 1, 2),
        text.replace(&text[4..36], &format!("{:032x}", 1)),
        "nxk_nonsense".to_owned(),
        format!("nxk_{}", "0".repeat(5000)),
    ] {
        let mut answer =
            show(&TestUser::nobody(&acme.nexo.router), &bad).await.expect(StatusCode::UNAUTHORIZED);
        answer.as_object_mut().unwrap().remove("request_id");
        answers.push(answer);
    }
    assert_eq!(answers[0]["code"], "api-key-invalid");
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    let unread = TestUser { token: text.to_owned(), ..TestUser::nobody(&acme.nexo.router) };
    assert_eq!(unread.get("/members").await.status, StatusCode::UNAUTHORIZED, "a service takes tokens alone");
}

#[tokio::test]
async fn a_key_of_another_account_is_not_there() {
    let acme = Company::new().await;
    let key = acme.key(&acme.ana, &["member:read"]).await;
    let stranger = acme.nexo.person("api_key:read api_key:write api_key:delete").await;
    assert_eq!(acme.revoke(&stranger, &key).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stranger.get("/api-keys").await.expect(StatusCode::OK)["data"], json!([]));
    let theirs = json!({ "name": "x", "permissions": ["api_key:read"], "member_id": acme.ana.user });
    let answer = stranger.post("/api-keys", theirs).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer["code"], "invalid-key-member");
    acme.exchange(&key).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn no_member_and_no_key_makes_a_key_beyond_their_own_rights() {
    let acme = Company::new().await;
    let clerk = acme.nexo.member(acme.ana.account, "api_key:write role:write client:read@own").await;
    for beyond in ["client:read", "client:write@own", "*:*", "member:read"] {
        let answer = make(&clerk, &[beyond]).await.expect(StatusCode::FORBIDDEN);
        assert_eq!(answer["code"], "privilege-escalation", "{beyond}");
    }
    for nonsense in [json!([]), json!(["client:fly"])] {
        let new = json!({ "name": "x", "permissions": nonsense });
        clerk.post("/api-keys", new).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let viewer = acme.somebody("viewer").await;
    let for_viewer = json!({ "name": "x", "permissions": ["client:read"], "member_id": viewer.user });
    let answer = acme.ana.post("/api-keys", for_viewer).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer["code"], "invalid-key-member", "nobody acts in the name of another person");

    // An owner's key has no owner rights, only the permissions that it was created with.
    let narrow = acme.key(&acme.ana, &["api_key:write", "member:*", "role:write", "invitation:write"]).await;
    let program = acme.acting(&narrow).await;
    let code = |answer: TestResponse| answer.expect(StatusCode::FORBIDDEN)["code"].clone();
    assert_eq!(code(make(&program, &["client:read"]).await), "privilege-escalation");
    let role = json!({ "name": "all", "permissions": ["*:*"] });
    assert_eq!(code(program.post("/roles", role).await), "privilege-escalation");
    assert_eq!(code(acme.appoint(&program, viewer.user, &["admin"]).await), "privilege-escalation");
    let all = acme.acting(&acme.key(&acme.ana, &["*:*"]).await).await;
    assert_eq!(code(acme.appoint(&all, viewer.user, &["owner"]).await), "owner-required");
    let heir = json!({ "member_id": viewer.user });
    assert_eq!(code(all.post("/account/ownership-transfers", heir).await), "step-up-required");
}

#[tokio::test]
async fn a_field_hidden_from_the_author_stays_hidden_from_their_key() {
    let acme = Company::new().await;
    let clerk = acme.nexo.member(acme.ana.account, "api_key:write client:read member:write").await;
    let hide = format!(
        "update app.roles set hidden_fields = '{{client.credit_limit}}'
         where id = (select role_id from app.member_roles where user_id = '{}')",
        clerk.user
    );
    acme.nexo.ground.database.run(&hide).await;
    let own = acme.key(&clerk, &["client:read"]).await;
    let token = acme.exchange(&own).await.expect(StatusCode::OK)["access_token"].clone();
    let claims = token.as_str().unwrap().split('.').nth(1).unwrap().to_owned();
    let claims = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["hidden"], json!(["client.credit_limit"]));
    let service = acme.service("viewer").await;
    let seeing = json!({ "name": "x", "permissions": ["client:read"], "member_id": service["id"] });
    let answer = clerk.post("/api-keys", seeing).await.expect(StatusCode::FORBIDDEN);
    assert_eq!(answer["code"], "privilege-escalation");
}

#[tokio::test]
async fn a_service_account_works_by_keys_and_never_logs_in() {
    let acme = Company::new().await;
    let service = acme.service("viewer").await;
    assert_eq!((&service["kind"], &service["effective_role"]), (&json!("service"), &json!("viewer")));
    let email = service["email"].as_str().unwrap();
    assert_eq!(email, format!("{}@service.invalid", service["id"].as_str().unwrap()));
    let login = json!({ "email": email, "password": PASSWORD });
    assert_eq!(post(&acme.nexo, "login", login).await.status, StatusCode::UNAUTHORIZED);
    post(&acme.nexo, "password/reset", json!({ "email": email })).await.expect(StatusCode::ACCEPTED);
    let mut look = acme.nexo.ground.database.look().await;
    let (tokens,): (i64,) =
        sqlx::query_as("select count(*) from app.one_time_tokens where user_id is not null")
            .fetch_one(&mut look)
            .await
            .unwrap();
    assert_eq!(tokens, 0);

    let new = json!({ "name": "Stock", "permissions": ["*:*"], "member_id": service["id"] });
    let key = acme.ana.post("/api-keys", new).await.expect(StatusCode::CREATED);
    let me = acme.acting(&key).await.get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!(me["permissions"], json!(["*:read", "member:read", "team:read", "account:read"]));
    let heir = json!({ "member_id": service["id"] });
    let unfit = acme.ana.post("/account/ownership-transfers", heir).await;
    assert_eq!(unfit.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "invalid-new-owner");
    let owner = json!({ "name": "x", "role_ids": [acme.role("owner").await] });
    acme.ana.post("/service-accounts", owner).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let id: uuid::Uuid = service["id"].as_str().unwrap().parse().unwrap();
    let appointed = acme.appoint(&acme.ana, id.into(), &["owner"]).await;
    assert_eq!(appointed.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "invalid-new-owner");
    assert_eq!(acme.remove(&acme.ana, id.into()).await.status, StatusCode::NO_CONTENT);
    refused(acme.exchange(&key).await);
}

#[tokio::test]
async fn a_new_service_account_has_no_more_rights_than_its_creator() {
    let acme = Company::new().await;
    let clerk = acme.nexo.member(acme.ana.account, "member:write client:read").await;
    let new = json!({ "name": "x", "role_ids": [acme.role("viewer").await] });
    let answer = clerk.post("/service-accounts", new).await.expect(StatusCode::FORBIDDEN);
    assert_eq!(answer["code"], "privilege-escalation");
    let unknown = json!({ "name": "x", "role_ids": [uuid::Uuid::now_v7()] });
    clerk.post("/service-accounts", unknown).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_keys_of_a_suspended_member_are_revoked() {
    let acme = Company::new().await;
    let eve = acme.somebody("admin").await;
    let key = acme.key(&eve, &["member:read"]).await;
    let program = acme.acting(&key).await;
    acme.change(&acme.ana, eve.user, json!({ "status": "suspended" })).await.expect(StatusCode::OK);
    assert_eq!(program.get("/members").await.status, StatusCode::UNAUTHORIZED);
    refused(acme.exchange(&key).await);
    assert_eq!(acme.listed(&key).await["status"], "revoked");
    acme.change(&acme.ana, eve.user, json!({ "status": "active" })).await.expect(StatusCode::OK);
    refused(acme.exchange(&key).await);
}

#[tokio::test]
async fn a_change_of_roles_shows_on_the_next_exchange() {
    let acme = Company::new().await;
    let eve = acme.somebody("admin").await;
    let key = acme.key(&eve, &["client:*", "member:read"]).await;
    let before = acme.acting(&key).await;
    before.get("/members").await.expect(StatusCode::OK);
    acme.appoint(&acme.ana, eve.user, &["viewer"]).await.expect(StatusCode::OK);
    assert_eq!(before.get("/members").await.status, StatusCode::UNAUTHORIZED);
    let after = acme.acting(&key).await.get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!(after["permissions"], json!(["client:read", "member:read"]));
}

#[tokio::test]
async fn what_ends_logins_leaves_keys_alone() {
    let acme = Company::new().await;
    let login = json!({ "email": "ana@acme.test", "password": PASSWORD });
    let tokens = post(&acme.nexo, "login", login).await.expect(StatusCode::OK);
    let ana = person(&acme.nexo, &tokens);
    let key = acme.key(&ana, &["member:read"]).await;
    let program = acme.acting(&key).await;
    let sessions = ana.get("/auth/sessions").await.expect(StatusCode::OK);
    assert!(!sessions.to_string().contains(key["id"].as_str().unwrap()), "{sessions}");
    let path = format!("/auth/sessions/{}", key["id"].as_str().unwrap());
    assert_eq!(ana.send(Method::DELETE, &path, None, None).await.status, StatusCode::NOT_FOUND);
    ana.send(Method::POST, "/auth/sessions/end-others", None, None).await.expect(StatusCode::NO_CONTENT);
    let change = json!({ "current_password": PASSWORD, "new_password": "another-lantern-orbit" });
    ana.post("/auth/password", change).await.expect(StatusCode::NO_CONTENT);
    acme.nexo.ground.database.run("update app.sessions set rotated_at = now() - interval '60 days'").await;
    program.get("/members").await.expect(StatusCode::OK);
    acme.exchange(&key).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_use_is_noted_once_a_minute_and_whenever_it_comes_from_elsewhere() {
    let acme = Company::new().await;
    let key = acme.key(&acme.ana, &["member:read"]).await;
    let text = key["key"].as_str().unwrap();
    let from = async |address: &str| {
        let peer: SocketAddr = format!("{address}:4000").parse().unwrap();
        let service = acme.nexo.router.clone().layer(Extension(ConnectInfo(peer)));
        show(&TestUser::nobody(&service), text).await.expect(StatusCode::OK);
        acme.listed(&key).await
    };
    let first = from("192.0.2.1").await;
    assert_eq!(first["last_used_ip"], "192.0.2.1");
    assert_eq!(from("192.0.2.1").await["last_used_at"], first["last_used_at"]);
    acme.nexo
        .ground
        .database
        .run("update app.api_keys set last_used_at = now() - interval '61 seconds'")
        .await;
    assert!(from("192.0.2.1").await["last_used_at"].as_str() > first["last_used_at"].as_str());
    assert_eq!(from("198.51.100.7").await["last_used_ip"], "198.51.100.7");
    let mut look = acme.nexo.ground.database.look().await;
    let noted: Vec<(Value, Value)> =
        sqlx::query_as("select before, after from app.audit_log where action = 'used_elsewhere'")
            .fetch_all(&mut look)
            .await
            .unwrap();
    assert_eq!(noted, [(json!({ "ip": "192.0.2.1" }), json!({ "ip": "198.51.100.7" }))]);
}

/// An API key never satisfies an operation that needs a recent login.
#[tokio::test]
async fn a_key_is_never_a_fresh_login() {
    let acme = Company::new().await;
    acme.key(&acme.ana, &["*:*"]).await;
    let mut look = acme.nexo.ground.database.look().await;
    let fresh =
        "select authenticated_at > now() - interval '10 years' from app.sessions where kind = 'api_key'";
    let (fresh,): (bool,) = sqlx::query_as(fresh).fetch_one(&mut look).await.unwrap();
    assert!(!fresh);
}

#[tokio::test]
async fn keys_are_listed_by_pages_newest_first() {
    let acme = Company::new().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(acme.key(&acme.ana, &["member:read"]).await["id"].clone());
    }
    let first = acme.ana.get("/api-keys?limit=2").await.expect(StatusCode::OK);
    let next = first["page"]["next_cursor"].as_str().unwrap();
    let second = acme.ana.get(&format!("/api-keys?limit=2&cursor={next}")).await.expect(StatusCode::OK);
    let pages = [&first, &second].map(|page| page["data"].as_array().unwrap().clone()).concat();
    made.reverse();
    assert_eq!(pages.iter().map(|key| key["id"].clone()).collect::<Vec<_>>(), made);
}

/// A valid key is required; knowing ids is not enough.
#[tokio::test]
async fn without_a_key_no_token_is_issued() {
    let nexo = nexo().await;
    let nobody = TestUser::nobody(&nexo.router);
    let nothing = nobody.send_raw(Method::POST, "/api/v1/auth/token", &[], "").await;
    assert_eq!(nothing.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    refused(post(&nexo, "token", json!({ "api_key": "" })).await);
    post(&nexo, "token", json!({})).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
}

/// A key lives much longer than a token that may have been stolen.
#[tokio::test]
async fn making_a_key_needs_a_recent_authentication() {
    let acme = Company::new().await;
    let hours = "update app.sessions set authenticated_at = now() - interval '1 hour'";
    acme.nexo.ground.database.run(hours).await;
    let key = json!({ "name": "x", "permissions": ["client:read"] });
    let refused = acme.ana.post("/api-keys", key.clone()).await.expect(StatusCode::FORBIDDEN);
    assert_eq!(refused["code"], "step-up-required");
    acme.ana.send(Method::POST, "/auth/step-up", None, Some(json!({ "password": PASSWORD }))).await;
    acme.ana.post("/api-keys", key).await.expect(StatusCode::CREATED);
}
