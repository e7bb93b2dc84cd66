//! Read permissions decide what responses contain, for every documented operation and for restricted callers.

use serde_json::{Value, json};
use testkit::{Rights, Sample, Special};

use crate::nexo;

fn samples() -> Vec<Sample> {
    let role = json!({
        "name": "~", "description": "~", "priority": 3, "permissions": ["client:read"], "hidden_fields": ["client.notes"],
    });
    vec![
        Sample::new("role", "roles", role, json!({ "priority": 4 })).administers().named_by("name"),
        Sample::new("team", "teams", json!({ "name": "~" }), json!({ "name": "~" })).administers(),
        Sample::member(json!({ "status": "active" })),
    ]
}

/// Operations whose request cannot be derived from their path. None ends the caller's session.
const SPECIAL: &[fn() -> Special] = &[
    || ("GET /account", "", Value::Null),
    || ("PATCH /account", "", json!({})),
    || ("POST /account/ownership-transfers", "", json!({ "user_id": "$boss" })),
    || ("GET /accounts", "", Value::Null),
    || ("POST /accounts", "", json!({ "name": "" })),
    || ("DELETE /accounts/{id}/membership", "", Value::Null),
    || ("POST /accounts/{id}/sessions", "", Value::Null),
    || ("GET /api-keys", "", Value::Null),
    || ("POST /api-keys", "", json!({ "name": "Nightly", "permissions": ["client:read"] })),
    || ("DELETE /api-keys/{id}", "", Value::Null),
    || ("POST /auth/email", "", json!({ "email": "new@acme.test", "password": "wrong-horse-battery" })),
    || ("GET /auth/second-factor", "", Value::Null),
    || ("POST /auth/second-factor", "", json!({ "password": "wrong-horse-battery" })),
    || ("DELETE /auth/second-factor", "", json!({ "password": "wrong-horse-battery" })),
    || ("POST /auth/second-factor/confirm", "", json!({ "code": "000000" })),
    || ("POST /auth/second-factor/recovery-codes", "", json!({ "password": "wrong-horse-battery" })),
    || ("GET /auth/invitations", "", Value::Null),
    || ("POST /auth/logout", "", json!({ "refresh_token": 5 })),
    || ("GET /auth/me", "", Value::Null),
    || ("POST /auth/password", "", json!({ "password": "wrong-horse-battery", "new_password": "x" })),
    || ("GET /auth/sessions", "", Value::Null),
    || ("POST /auth/sessions/end-others", "", Value::Null),
    || ("DELETE /auth/sessions/{id}", "", Value::Null),
    || ("POST /auth/step-up", "", json!({ "password": "wrong-horse-battery" })),
    || ("GET /invitations", "", Value::Null),
    || ("POST /invitations", "", json!({ "email": "ben@acme.test", "role_id": "$roles" })),
    || ("POST /invitations/accept", "", json!({ "token": "x" })),
    || ("DELETE /invitations/{id}", "", Value::Null),
    || ("POST /invitations/{id}/resend", "", Value::Null),
    || ("DELETE /members/{id}/lock", "", Value::Null),
    || ("GET /members/{id}/permissions", "", Value::Null),
    || ("GET /oidc-connections", "", Value::Null),
    || {
        (
            "POST /oidc-connections",
            "",
            json!({ "issuer": "https://id.acme.test", "client_id": "x", "client_secret": "y" }),
        )
    },
    || ("DELETE /oidc-connections/{id}", "", Value::Null),
    || ("GET /permissions", "", Value::Null),
    || ("GET /security-events", "", Value::Null),
    || ("POST /service-accounts", "", json!({ "name": "Nightly", "role_ids": ["$roles"] })),
    || ("GET /teams/{id}/members", "", Value::Null),
    || ("PUT /teams/{id}/members", "", json!({ "members": ["$members"] })),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "how much was tried is part of the result")]
async fn every_operation_shows_what_its_caller_may_see() {
    let nexo = nexo().await;
    let document = auth_service::api().to_openapi();
    let others = "client:* account:* invitation:* api_key:* security_event:read";
    let rights = Rights::new(nexo, &document, samples(), others, SPECIAL).await;
    let (operations, requests) = rights.hold().await;
    println!("{operations} operations, {requests} requests");
    assert!(operations > 50 && requests > 5 * operations, "{requests} requests to {operations} operations");
}
