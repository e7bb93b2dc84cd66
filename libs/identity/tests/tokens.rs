//! Token validation: which tokens are accepted, and which never are.
#![expect(clippy::unwrap_used, reason = "a test should fail where it fails")]

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use identity::{Grant, Identity, Issuer, Jwks, Permissions, PublicKeys, SigningKey, TokenError, Verifier};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kernel::{AccountId, Clock, SessionId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

struct Office {
    clock: Clock,
    issuer: Issuer,
    verifier: Verifier,
}

fn office() -> Office {
    let clock = Clock::fixed(1_800_000_000);
    let key = SigningKey::from_pem(&SigningKey::generate().unwrap()).unwrap();
    let issuer = Issuer::new(key, "nexo".into(), Duration::from_secs(600), clock.clone());
    let keys = PublicKeys::default();
    keys.replace(&Jwks { keys: vec![issuer.key().public().clone()] });
    Office { verifier: Verifier::new(keys, "nexo", clock.clone()), issuer, clock }
}

impl Office {
    fn token(&self) -> String {
        let permissions = Permissions::new(["client:read".to_owned()]);
        let roles = vec!["viewer".to_owned()];
        let grant = Grant {
            account: AccountId::new(),
            user: UserId::new(),
            session: SessionId::new(),
            epoch: 0,
            roles,
            permissions,
        };
        self.issuer.issue(grant).unwrap().text
    }

    async fn refused(&self, token: &str) {
        let verified = self.verifier.verify(token, Uuid::nil()).await;
        assert_eq!(verified.err(), Some(TokenError::Invalid), "{token}");
    }
}

fn parts(token: &str) -> [String; 3] {
    let parts: Vec<_> = token.split('.').map(ToOwned::to_owned).collect();
    parts.try_into().unwrap()
}

fn edited(part: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut json = serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap();
    change(&mut json);
    BASE64.encode(json.to_string())
}

#[tokio::test]
async fn a_token_makes_its_principal_until_it_expires() {
    let office = office();
    let token = office.token();
    for _ in 0..2 {
        let principal = office.verifier.verify(&token, Uuid::nil()).await.unwrap();
        assert!(principal.permissions().allow("client", "read"));
        assert!(!principal.permissions().allow("client", "write"));
    }
    office.clock.advance(Duration::from_secs(600));
    office.refused(&token).await;
}

#[tokio::test]
async fn an_edited_token_is_refused() {
    let office = office();
    let [header, payload, signature] = parts(&office.token());
    let other = edited(&payload, |claims| claims["account_id"] = json!(Uuid::now_v7()));
    office.refused(&format!("{header}.{other}.{signature}")).await;
    for change in [
        json!({"crit": ["exp"]}),
        json!({"kid": "unknown"}),
        json!({"alg": "none"}),
        json!({"jku": "http://evil.test"}),
    ] {
        let header = edited(&header, |header| {
            for (name, value) in change.as_object().unwrap() {
                header[name] = value.clone();
            }
        });
        office.refused(&format!("{header}.{payload}.{signature}")).await;
    }
}

#[tokio::test]
async fn a_token_of_another_algorithm_is_refused() {
    let office = office();
    let [header, payload, _] = parts(&office.token());
    let none = edited(&header, |header| header["alg"] = json!("none"));
    office.refused(&format!("{none}.{payload}.")).await;

    let key = office.issuer.key();
    let public = key.public();
    let claims: Value = serde_json::from_slice(&BASE64.decode(&payload).unwrap()).unwrap();
    for secret in [public.x.as_bytes().to_vec(), BASE64.decode(&public.x).unwrap()] {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(public.kid.clone());
        office
            .refused(&jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&secret)).unwrap())
            .await;
    }
}

#[tokio::test]
async fn a_token_of_another_time_or_issuer_is_refused() {
    let office = office();
    let grant = || Grant {
        account: AccountId::new(),
        user: UserId::new(),
        session: SessionId::new(),
        epoch: 0,
        roles: vec![],
        permissions: Permissions::default(),
    };
    let life = Duration::from_secs(600);
    let key = SigningKey::clone(&office.issuer.key());
    let future = Issuer::new(key.clone(), "nexo".into(), life, Clock::fixed(1_800_000_060));
    office.refused(&future.issue(grant()).unwrap().text).await;
    let other = Issuer::new(key, "other".into(), life, office.clock.clone());
    office.refused(&other.issue(grant()).unwrap().text).await;
}

#[tokio::test]
async fn a_malformed_token_is_refused() {
    let office = office();
    for text in ["", "a", "a.b.c", "...", "ey.ey.ey", "\u{0}", &"x".repeat(1_000_000)] {
        office.refused(text).await;
    }
}

#[tokio::test]
async fn without_keys_no_token_can_be_verified() {
    let verifier = Verifier::new(PublicKeys::default(), "nexo", Clock::system());
    let verified = verifier.verify(&office().token(), Uuid::nil()).await;
    assert_eq!(verified.err(), Some(TokenError::KeysUnavailable));
}

#[tokio::test]
async fn a_persons_token_makes_no_principal_and_an_accounts_token_no_person() {
    let office = office();
    let (user, session) = (UserId::new(), SessionId::new());
    let token = office.issuer.issue_for_person(user, session).unwrap();
    assert_eq!(token.expires_in, Duration::from_secs(600));
    let verified = office.verifier.verify(&token.text, Uuid::nil()).await;
    assert_eq!(verified.err(), Some(TokenError::NoAccount));
    match office.verifier.identify(&token.text, Uuid::nil()).await.unwrap() {
        Identity::Person(person) => assert_eq!((person.user(), person.session()), (user, session)),
        Identity::Member(_) => unreachable!("a person's token made a principal"),
    }
    let account = office.verifier.identify(&office.token(), Uuid::nil()).await.unwrap();
    assert!(matches!(account, Identity::Member(_)));

    // The signed `typ` header prevents the confusion of the two types.
    let [head, body, sign] = parts(&token.text);
    office.refused(&[edited(&head, |head| head["typ"] = json!("JWT")), body, sign].join(".")).await;
    let [head, body, sign] = parts(&office.token());
    let renamed = [edited(&head, |head| head["typ"] = json!("person+jwt")), body, sign].join(".");
    assert!(office.verifier.identify(&renamed, Uuid::nil()).await.is_err());

    assert!(!office.verifier.is_cached(&token.text), "it is looked at each time");
    office.clock.advance(Duration::from_secs(600));
    office.refused(&token.text).await;
}

#[tokio::test]
async fn a_persons_token_lives_ten_minutes_however_long_others_do() {
    let key = SigningKey::from_pem(&SigningKey::generate().unwrap()).unwrap();
    for (life, lives) in [(3600, 600), (60, 60)] {
        let issuer = Issuer::new(key.clone(), "nexo".into(), Duration::from_secs(life), Clock::system());
        let token = issuer.issue_for_person(UserId::new(), SessionId::new()).unwrap();
        assert_eq!(token.expires_in, Duration::from_secs(lives));
    }
}
