//! Idempotency: the same request sent twice.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{company::Company, letter};

/// Operations without `Idempotency-Key` or `If-Match`, and why.
const UNGUARDED: &[(&str, &str)] = &[
    ("POST */search", "it reads"),
    ("POST /api/v1/auth/*", "sessions, passwords and factors: nothing of it is kept to be answered again"),
    ("POST /api/v1/accounts", "answers with tokens, which are not kept"),
    ("POST /api/v1/accounts/{id}/sessions", "answers with tokens, which are not kept"),
    (
        "POST /api/v1/invitations/accept",
        "answers with tokens, which are not kept; the invitation is good once",
    ),
    ("POST /api/v1/api-keys", "answers with the key, which is not kept"),
    ("POST /api/v1/oidc-connections", "takes a secret; a domain is bound once, so the second is refused"),
    ("DELETE /api/v1/auth/*", "a session or a factor ends, and has no version"),
    ("DELETE /api/v1/accounts/{id}/membership", "whoever leaves has seen that they are there"),
    ("DELETE /api/v1/api-keys/{id}", "a key never changes but to end"),
    ("DELETE /api/v1/invitations/{id}", "an invitation never changes but to end"),
    ("DELETE /api/v1/members/{id}/lock", "a lock never changes but to end"),
    ("DELETE /api/v1/oidc-connections/{id}", "a connection never changes but to end"),
];

#[test]
fn every_write_has_an_idempotency_key_or_a_version() {
    let (_, document) = auth_service::api().split_for_parts();
    testkit::assert_writes_conditional(&document, UNGUARDED);
}

#[tokio::test]
async fn an_invitation_that_is_sent_twice_goes_out_once() {
    let acme = Company::new().await;
    let invitation = json!({ "email": "eve@acme.test", "role_id": acme.role("viewer").await });
    let first = acme.ana.post_once("/invitations", "eve", invitation.clone()).await;
    let token = letter(&acme.nexo, "eve@acme.test").await["token"].clone();
    let again = acme.ana.post_once("/invitations", "eve", invitation.clone()).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let made = first.expect(StatusCode::CREATED);
    assert_eq!(again.expect(StatusCode::CREATED), made);
    assert_eq!(letter(&acme.nexo, "eve@acme.test").await["token"], token, "there is no second letter");

    let resend = format!("/invitations/{}/resend", made["id"].as_str().unwrap());
    let elsewhere = acme.ana.post_once(&resend, "eve", Value::Null).await;
    assert_eq!(elsewhere.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "idempotency-key-reused");
    acme.ana.post_once(&resend, "again", Value::Null).await.expect(StatusCode::ACCEPTED);
    let newer = letter(&acme.nexo, "eve@acme.test").await["token"].clone();
    let again = acme.ana.post_once(&resend, "again", Value::Null).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (StatusCode::ACCEPTED, Some("true")));
    assert_ne!(newer, token);
    assert_eq!(letter(&acme.nexo, "eve@acme.test").await["token"], newer);
    let kept = kept(&acme).await;
    assert!(
        !kept.contains(newer.as_str().unwrap()) && !kept.contains(token.as_str().unwrap()),
        "no token is kept"
    );
}

#[tokio::test]
async fn a_service_account_and_a_role_are_made_once() {
    let acme = Company::new().await;
    let role =
        json!({ "name": "Clerk", "priority": 10, "permissions": ["client:read"], "hidden_fields": [] });
    for (path, body) in [
        ("/service-accounts", json!({ "name": "Warehouse", "role_ids": [] })),
        ("/roles", role),
        ("/teams", json!({ "name": "North" })),
    ] {
        let first = acme.ana.post_once(path, path, body.clone()).await;
        let again = acme.ana.post_once(path, path, body).await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "{path}");
        assert_eq!(first.header("location"), again.header("location"));
        assert_eq!(first.expect(StatusCode::CREATED), again.expect(StatusCode::CREATED));
    }
}

/// A retry by the former owner returns the stored response, though they could not repeat the transfer.
#[tokio::test]
async fn an_account_is_handed_over_once() {
    let acme = Company::new().await;
    let eve = acme.somebody("admin").await;
    let heir = json!({ "member_id": eve.user });
    let path = "/account/ownership-transfers";
    let first = acme.ana.post_once(path, "eve", heir.clone()).await;
    assert_eq!(first.status, StatusCode::NO_CONTENT, "{}", first.body);
    let late = acme.ana.post_once(path, "eve", heir.clone()).await;
    assert_eq!(late.status, StatusCode::UNAUTHORIZED, "their rights have changed: a refresh comes first");
}

#[tokio::test]
async fn the_text_of_an_api_key_is_kept_nowhere() {
    let acme = Company::new().await;
    let key = json!({ "name": "Import", "permissions": ["client:read"] });
    let headers = [("content-type", "application/json"), ("idempotency-key", "key")];
    let post = async || {
        acme.ana
            .send_raw(Method::POST, "/api/v1/api-keys", &headers, key.to_string())
            .await
            .expect(StatusCode::CREATED)
    };
    let (first, second) = (post().await, post().await);
    assert_ne!(first["id"], second["id"], "the header is not heeded");
    let secret = first["key"].as_str().unwrap().rsplit('_').next().unwrap().to_owned();
    assert!(!kept(&acme).await.contains(&secret));
}

/// The bodies of all stored responses.
async fn kept(acme: &Company) -> String {
    let mut look = acme.nexo.ground.database.look().await;
    let bodies: Vec<(String,)> =
        sqlx::query_as("select convert_from(body, 'UTF8') from app.idempotency_keys")
            .fetch_all(&mut look)
            .await
            .unwrap();
    bodies.into_iter().map(|(body,)| body).collect()
}
