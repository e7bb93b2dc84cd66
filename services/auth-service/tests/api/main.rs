//! The service as its clients see it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test should fail where it fails"
)]

mod accounts;
mod api_keys;
mod bad_input;
mod blind;
mod company;
mod ended;
mod factor;
mod fitting;
mod giving;
mod invitations;
mod invited;
mod keys;
mod letters;
mod lookups;
mod members;
mod oidc;
mod overblown;
mod quotas;
mod rights;
mod roles;
mod security_events;
mod sessions;
mod shared;
mod strangers;
mod suspended;
mod teams;
mod throttle;
mod timing;
mod waits;
mod without_account;
mod writes;

use std::sync::Arc;

use auth_service::{App, Config};
use http::{Method, StatusCode};
use kernel::Clock;
use revocation::Revocations;
use serde_json::{Value, json};
use testkit::{TestApp, TestContext, TestResponse, TestUser};
use uuid::Uuid;

const PASSWORD: &str = "correct-horse-battery";

async fn nexo() -> TestApp {
    nexo_on(TestContext::new("nexo_auth").await, &[]).await
}

/// Starts a replica in this context, with additional settings.
async fn nexo_on(ground: TestContext, more: &[(&str, &str)]) -> TestApp {
    nexo_at(ground, more, &Clock::system()).await
}

/// Starts a replica in this context, with additional settings and the given clock.
async fn nexo_at(ground: TestContext, more: &[(&str, &str)], clock: &Clock) -> TestApp {
    testkit::validate_answers_against(auth_service::document);
    let prompt = [("NEXO_HASHING_NICE", "0")]; // do not yield to concurrent builds
    let more = prompt.iter().chain(more).map(|&(name, value)| (name.to_owned(), value.to_owned()));
    let mut env = kernel::Env::from_values(ground.database.settings("nexo_auth").into_iter().chain(more));
    let config = Config::read(&mut env);
    env.finish().unwrap();
    let mut app: App = config.app(ground.db.clone(), &config.revocation.start(), clock).await.unwrap();
    let ground = TestContext { verifier: app.verifier.clone(), issuer: Arc::clone(&app.issuer), ..ground };
    // No revocations are published to this service, so the database alone must reject ended sessions.
    app.verifier = app.verifier.with_revocations(&Revocations::default());
    TestApp { router: auth_service::router(app).0, ground }
}

/// True if a verifier without database access learned that the token is revoked.
async fn is_told(nexo: &TestApp, token: &str) -> bool {
    nexo.ground.verifier.verify(token, Uuid::nil()).await.is_err()
}

fn registration(email: &str, account: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "display_name": "Ana", "account_name": account })
}

async fn post(nexo: &TestApp, path: &str, body: Value) -> TestResponse {
    let headers = [("content-type", "application/json"), ("user-agent", "tests")];
    let path = format!("/api/v1/auth/{path}");
    TestUser::nobody(&nexo.router).send_raw(Method::POST, &path, &headers, body.to_string()).await
}

/// The newest e-mail to an address.
async fn letter(nexo: &TestApp, to: &str) -> Value {
    let path = format!("/dev/mail?to={}", to.replace('+', "%2b"));
    let letters = TestUser::nobody(&nexo.router).send_raw(Method::GET, &path, &[], "").await;
    letters.expect(StatusCode::OK)["data"][0].clone()
}

async fn registered(nexo: &TestApp, email: &str, account: &str) -> Value {
    post(nexo, "register", registration(email, account)).await.expect(StatusCode::ACCEPTED);
    let shown = json!({ "token": letter(nexo, email).await["token"], "password": PASSWORD });
    post(nexo, "register/confirm", shown).await.expect(StatusCode::CREATED)
}

async fn me(nexo: &TestApp, tokens: &Value) -> TestResponse {
    let mut person = TestUser::nobody(&nexo.router);
    person.token = tokens["access_token"].as_str().unwrap().to_owned();
    person.get("/auth/me").await
}

#[tokio::test]
async fn a_new_user_registers_and_is_the_owner_of_their_account() {
    let nexo = nexo().await;
    let tokens = registered(&nexo, "ana@acme.test", "Café & Söhne GmbH").await;
    let me = me(&nexo, &tokens).await.expect(StatusCode::OK);
    assert_eq!(me["account"]["slug"], "cafe-sohne-gmbh");
    assert_eq!(me["account"]["name"], "Café & Söhne GmbH");
    assert_eq!(me["user"]["email"], "ana@acme.test");
    assert_eq!((&me["roles"], &me["permissions"]), (&json!(["owner"]), &json!(["*:*"])));
    let mut look = nexo.ground.database.look().await;
    let (roles,): (i64,) =
        sqlx::query_as("select count(*) from app.roles").fetch_one(&mut look).await.unwrap();
    assert_eq!(roles, 5);
    let topics: Vec<(String,)> =
        sqlx::query_as("select topic from app.outbox order by id").fetch_all(&mut look).await.unwrap();
    assert_eq!(topics, ["auth.account.opened", "auth.session.opened"].map(|topic| (topic.to_owned(),)));
}

#[tokio::test]
async fn a_slug_belongs_to_one_account() {
    let nexo = nexo().await;
    let mut slugs = Vec::new();
    let mut registrations = tokio::task::JoinSet::new();
    for at in 0..4 {
        let nexo = nexo.clone();
        registrations.spawn(async move {
            let tokens = registered(&nexo, &format!("ana{at}@acme.test"), "Acme").await;
            me(&nexo, &tokens).await.expect(StatusCode::OK)["account"]["slug"].as_str().unwrap().to_owned()
        });
    }
    slugs.extend(registrations.join_all().await);
    slugs.sort();
    assert_eq!(slugs, ["acme", "acme-2", "acme-3", "acme-4"]);
}

#[tokio::test]
async fn the_api_is_described_and_closed() {
    let nexo = nexo().await;
    let (_, document) = auth_service::api().split_for_parts();
    testkit::assert_openapi_valid(&document);
    assert_eq!(testkit::assert_requires_auth(&nexo, &document).await, 77);
    let keys = TestUser::nobody(&nexo.router).send_raw(Method::GET, "/.well-known/jwks.json", &[], "").await;
    assert_eq!(keys.expect(StatusCode::OK)["keys"][0]["crv"], "Ed25519");
}

#[tokio::test]
async fn every_operation_says_which_bodies_and_methods_it_takes() {
    let nexo = nexo().await;
    let (_, document) = auth_service::api().split_for_parts();
    assert_eq!(testkit::assert_bodies_checked(&nexo, &document).await, 77);
}

#[tokio::test]
async fn what_each_standard_role_may_do_is_kept_as_a_table() {
    let nexo = nexo().await;
    let (_, document) = auth_service::api().split_for_parts();
    insta::assert_snapshot!(testkit::role_matrix(&nexo, &document).await);
}
