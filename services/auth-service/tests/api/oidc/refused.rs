//! Logins at a provider that are rejected.

use http::StatusCode;
use serde_json::json;

use super::{Back, Claims, Scene};
use crate::post;

#[tokio::test]
async fn an_email_that_the_provider_has_not_verified_links_no_user() {
    for claims in [Claims::UserInfo, Claims::IdToken] {
        let scene = Scene::set(claims).await;
        scene.provider.person("eve-1", "ana@acme.test", false).await;
        Scene::is_refused(scene.login().await);
        let mut look = scene.nexo.ground.database.look().await;
        let (linked,): (i64,) =
            sqlx::query_as("select count(*) from app.user_identities").fetch_one(&mut look).await.unwrap();
        assert_eq!(linked, 0);
        scene.provider.stop().await;
    }
}

#[tokio::test]
async fn a_provider_speaks_for_its_own_domain_alone() {
    let scene = Scene::set(Claims::IdToken).await;
    crate::registered(&scene.nexo, "zoe@other.test", "Other").await;
    for email in ["zoe@other.test", "zoe@sub.acme.test", "zoe@notacme.test", "ana@acme.test.other.test"] {
        scene.provider.person("zoe-1", email, true).await;
        Scene::is_refused(scene.login().await);
    }
    // Nor for a user whom the provider has authenticated before.
    scene.provider.person("ana-1", "ana@acme.test", true).await;
    scene.login().await.expect(StatusCode::OK);
    scene.provider.person("ana-1", "ana@other.test", true).await;
    Scene::is_refused(scene.login().await);
    scene.provider.stop().await;
}

#[tokio::test]
async fn a_state_is_good_once() {
    let scene = Scene::set(Claims::IdToken).await;
    let back = scene.walked().await;
    scene.finish(&back).await.expect(StatusCode::OK);
    Scene::is_refused(scene.finish(&back).await);

    // Also if the first attempt failed.
    let back = scene.walked().await;
    let wrong = json!({ "state": back.state, "code": "invented" });
    Scene::is_refused(post(&scene.nexo, "oidc/finish", wrong).await);
    Scene::is_refused(scene.finish(&back).await);

    // Also for concurrent attempts.
    let back = scene.walked().await;
    let (one, other) = tokio::join!(scene.finish(&back), scene.finish(&back));
    assert_eq!([one, other].iter().filter(|answer| answer.status == StatusCode::OK).count(), 1);
    scene.provider.stop().await;
}

#[tokio::test]
async fn a_state_that_is_invented_or_too_old_is_refused() {
    let scene = Scene::set(Claims::IdToken).await;
    let back = scene.walked().await;
    Scene::is_refused(scene.finish(&Back { state: "invented".to_owned(), ..scene.walked().await }).await);
    scene
        .nexo
        .ground
        .database
        .run("update app.oidc_logins set expires_at = now() - interval '1 second'")
        .await;
    Scene::is_refused(scene.finish(&back).await);
    scene.provider.stop().await;
}

#[tokio::test]
async fn a_code_is_good_for_the_login_that_it_was_given_to() {
    let scene = Scene::set(Claims::IdToken).await;
    let (mine, theirs) = (scene.walked().await, scene.walked().await);
    Scene::is_refused(scene.finish(&Back { code: theirs.code, ..mine }).await);
    scene.provider.stop().await;
}

#[tokio::test]
async fn a_token_with_another_nonce_is_refused() {
    let scene = Scene::set(Claims::IdToken).await;
    let started = scene.started(json!({ "account": "acme", "email": "ana@acme.test" })).await;
    let url = started["authorization_url"].as_str().unwrap();
    let at = url.find("&nonce=").unwrap() + "&nonce=".len();
    let tampered = format!("{}another{}", &url[..at], &url[at..]);
    let back = scene.provider.walk(&tampered).await;
    Scene::is_refused(scene.finish(&back).await);
    scene.provider.stop().await;
}

#[tokio::test]
async fn a_code_of_another_issuer_is_sent_to_no_provider() {
    let scene = Scene::set(Claims::IdToken).await;
    let back = scene.walked().await;
    Scene::is_refused(scene.finish(&Back { iss: "https://other.test".to_owned(), ..back }).await);
    scene.provider.stop().await;
}

#[tokio::test]
async fn an_unreachable_provider_is_distinguished_from_a_refusal() {
    let scene = Scene::set(Claims::IdToken).await;
    let back = scene.walked().await;
    scene.provider.stop().await;
    let answer = post(&scene.nexo, "oidc/finish", back.body()).await;
    assert_eq!(answer.header("retry-after"), Some("1"));
    answer.expect(StatusCode::SERVICE_UNAVAILABLE);
}
