//! Signing keys: created once, rotated without a restart, encrypted in the database.

use std::{collections::BTreeSet, time::Duration};

use auth_service::{Config, ConfigError, KeysError};
use http::{Method, StatusCode};
use identity::{SealingKey, Secret, SigningKey};
use kernel::Clock;
use revocation::Revocations;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use testkit::{TestApp, TestContext, TestUser};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{me, nexo, nexo_on, post, registered};

const OFTEN: &[(&str, &str)] = &[("NEXO_SIGNING_KEYS_REFRESH_SECONDS", "1")];

fn sealing(secret: &str) -> SealingKey {
    SealingKey::new(&Secret::new(secret.into()).unwrap()).unwrap()
}

/// Rotates the keys like `nexo keys rotate`.
async fn rotate(nexo: &TestApp) {
    let next = sealing("a secret for tests, and for nothing else").make().unwrap();
    let mut look = nexo.ground.database.look().await;
    let mut tx = look.begin().await.unwrap();
    for step in [
        "update app.signing_keys set state = 'retired', retired_at = now(), sealed = null where state = 'current'",
        "update app.signing_keys set state = 'current', activated_at = now() where state = 'next'",
    ] {
        sqlx::query(step).execute(&mut *tx).await.unwrap();
    }
    sqlx::query("insert into app.signing_keys (kid, state, public, sealed) values ($1, 'next', $2, $3)")
        .bind(&next.public.kid)
        .bind(sqlx::types::Json(&next.public))
        .bind(&next.sealed)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn published(nexo: &TestApp) -> Vec<String> {
    let keys = TestUser::nobody(&nexo.router).send_raw(Method::GET, "/.well-known/jwks.json", &[], "").await;
    let keys = keys.expect(StatusCode::OK);
    keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn signing(nexo: &TestApp) -> String {
    nexo.ground.issuer.key().public().kid.clone()
}

/// Waits until the replica has reloaded the keys.
async fn until(nexo: &TestApp, published: usize) {
    let began = Instant::now();
    while self::published(nexo).await.len() != published {
        assert!(began.elapsed() < Duration::from_secs(5), "the keys are not read again");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_rotation_needs_no_restart_and_ends_no_token() {
    let nexo = nexo_on(TestContext::new("nexo_auth").await, OFTEN).await;
    let (first, before) = (signing(&nexo), registered(&nexo, "ana@acme.test", "Acme").await);
    let known = published(&nexo).await;
    assert_eq!((known.len(), known.contains(&first)), (2, true));

    rotate(&nexo).await;
    until(&nexo, 3).await;
    let second = signing(&nexo);
    assert!(second != first && known.contains(&second), "the next key was published before it signs");
    let after =
        post(&nexo, "login", serde_json::json!({ "email": "ana@acme.test", "password": crate::PASSWORD }))
            .await
            .expect(StatusCode::OK);
    for (tokens, kid) in [(&before, &first), (&after, &second)] {
        assert_eq!(named(tokens), *kid);
        assert_eq!(me(&nexo, tokens).await.status, StatusCode::OK);
    }

    // Once all tokens of the first key have expired, it is no longer published.
    nexo.ground
        .database
        .run(
            "update app.signing_keys set retired_at = now() - interval '661 seconds' where state = 'retired'",
        )
        .await;
    until(&nexo, 2).await;
    assert_eq!(me(&nexo, &before).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(me(&nexo, &after).await.status, StatusCode::OK);
}

/// The id of the key that signed the access token.
fn named(tokens: &Value) -> String {
    let token = tokens["access_token"].as_str().unwrap();
    let header = base64_json(token.split('.').next().unwrap());
    header["kid"].as_str().unwrap().to_owned()
}

fn base64_json(part: &str) -> Value {
    use base64::Engine as _;
    serde_json::from_slice(&base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn the_tokens_of_a_key_that_was_ended_are_refused() {
    let nexo = nexo_on(TestContext::new("nexo_auth").await, OFTEN).await;
    let leaked = registered(&nexo, "ana@acme.test", "Acme").await;
    assert_eq!(me(&nexo, &leaked).await.status, StatusCode::OK);
    rotate(&nexo).await;
    until(&nexo, 3).await;
    nexo.ground.database.run("update app.signing_keys set ended_at = now() where state = 'retired'").await;
    until(&nexo, 2).await;
    assert_eq!(me(&nexo, &leaked).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn replicas_that_start_together_sign_with_one_key() {
    let ground = TestContext::new("nexo_auth").await;
    let mut starting = JoinSet::new();
    for _ in 0..6 {
        let ground = ground.clone();
        starting.spawn(async move { nexo_on(ground, &[]).await });
    }
    let replicas = starting.join_all().await;
    let signing: BTreeSet<_> = replicas.iter().map(signing).collect();
    assert_eq!(signing.len(), 1);
    let mut look = ground.database.look().await;
    let kept: Vec<(String, bool)> =
        sqlx::query_as("select state, kid = $1 from app.signing_keys order by state")
            .bind(signing.first())
            .fetch_all(&mut look)
            .await
            .unwrap();
    assert_eq!(kept, [("current".to_owned(), true), ("next".to_owned(), false)]);
    let tokens = registered(&replicas[0], "ana@acme.test", "Acme").await;
    assert_eq!(me(&replicas[5], &tokens).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_database_that_was_emptied_gets_new_keys() {
    let nexo = nexo_on(TestContext::new("nexo_auth").await, OFTEN).await;
    let first = signing(&nexo);
    nexo.ground.database.run("delete from app.signing_keys").await;
    let began = Instant::now();
    while signing(&nexo) == first {
        assert!(began.elapsed() < Duration::from_secs(5), "no new key");
        sleep(Duration::from_millis(20)).await;
    }
    let tokens = registered(&nexo, "ana@acme.test", "Acme").await;
    assert_eq!(me(&nexo, &tokens).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_key_of_the_settings_signs_and_those_of_the_table_still_verify() {
    let kept = nexo().await;
    let tokens = registered(&kept, "ana@acme.test", "Acme").await;
    let pem = SigningKey::generate().unwrap();
    let given = nexo_on(kept.ground.clone(), &[OFTEN[0], ("NEXO_SIGNING_KEY", pem.expose_secret())]).await;
    assert_eq!(signing(&given), SigningKey::from_pem(&pem).unwrap().public().kid);
    assert_eq!(me(&given, &tokens).await.status, StatusCode::OK);
    assert_eq!(published(&given).await.len(), 3);
    rotate(&given).await;
    until(&given, 4).await;
    assert_eq!(signing(&given), SigningKey::from_pem(&pem).unwrap().public().kid);
}

#[tokio::test]
async fn production_needs_no_key_in_its_settings() {
    let nexo = nexo_on(
        TestContext::new("nexo_auth").await,
        &[
            ("NEXO_ENV", "production"),
            ("NEXO_SMTP_URL", "smtps://mail.nexo.test"),
            ("NEXO_TRUSTED_PROXIES", "10.0.0.0/8"),
        ],
    )
    .await;
    assert_eq!(published(&nexo).await.len(), 2);
}

#[tokio::test]
async fn keys_of_another_secret_are_not_signed_with() {
    let ground = nexo().await.ground;
    let other = ("NEXO_SECRET".to_owned(), "another secret, as long as it has to be".to_owned());
    let mut env = kernel::Env::from_values(ground.database.settings("nexo_auth").into_iter().chain([other]));
    let refused =
        Config::read(&mut env).app(ground.db, &Revocations::default(), &Clock::system()).await.err().unwrap();
    assert!(
        matches!(refused, ConfigError::Keys(KeysError::Sealed { .. }))
            && refused.to_string().contains("nexo keys rotate --replace-all")
    );
}

#[tokio::test]
async fn the_database_holds_no_readable_private_key() {
    let nexo = nexo().await;
    let mut auth = PgConnection::connect_with(&nexo.ground.database.role("nexo_auth")).await.unwrap();
    for refused in ["select sealed from app.signing_keys", "update app.signing_keys set state = 'retired'"] {
        let answer = sqlx::query(AssertSqlSafe(refused)).execute(&mut auth).await;
        let code = answer.err().and_then(|error| Some(error.as_database_error()?.code()?.into_owned()));
        assert_eq!(code.as_deref(), Some("42501"), "{refused}");
    }
    let added = "select from app.add_first_signing_keys('x', '{}', '', 'y', '{}', '')";
    sqlx::query(added).execute(&mut auth).await.unwrap();
    assert_eq!(published(&nexo).await.len(), 2, "where there are keys, nobody adds one of theirs");

    let (kid, sealed): (String, Vec<u8>) =
        sqlx::query_as("select kid, sealed from app.signing_keys_now(0)").fetch_one(&mut auth).await.unwrap();
    assert!(!sealed.windows(7).any(|part| part == b"PRIVATE"));
    assert!(sealing("another secret, as long as it has to be").open(&kid, &sealed).is_err());
    let opened = sealing("a secret for tests, and for nothing else").open(&kid, &sealed).unwrap();
    assert_eq!(opened.public().kid, signing(&nexo));
}

#[tokio::test]
async fn production_names_every_missing_setting() {
    let ground = TestContext::new("nexo_auth").await;
    let production = ("NEXO_ENV".to_owned(), "production".to_owned());
    let mut env =
        kernel::Env::from_values(ground.database.settings("nexo_auth").into_iter().chain([production]));
    Config::read(&mut env);
    let told = env.finish().unwrap_err().to_string();
    for name in ["NEXO_SMTP_URL", "NEXO_TRUSTED_PROXIES"] {
        assert!(told.contains(name), "{told}");
    }
}
