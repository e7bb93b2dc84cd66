//! Forged tokens sent directly to the service: all are rejected with the same response.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use http::{Method, StatusCode};
use identity::SigningKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use testkit::{TestApp, TestUser};

use crate::{ALL, nexo};

/// Parts of Ana's token, and an attacker's key.
struct Forger {
    header: Value,
    claims: Value,
    signature: String,
    key: EncodingKey,
    public: Value,
}

impl Forger {
    fn of(token: &str) -> Self {
        let parts: Vec<&str> = token.split('.').collect();
        let json = |part: &str| serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap();
        let pem = SigningKey::generate().unwrap();
        Self {
            header: json(parts[0]),
            claims: json(parts[1]),
            signature: parts[2].to_owned(),
            public: serde_json::to_value(SigningKey::from_pem(&pem).unwrap().public()).unwrap(),
            key: EncodingKey::from_ed_pem(pem.expose_secret().as_bytes()).unwrap(),
        }
    }

    /// Encodes a token with the original signature.
    fn edited(&self, header: &Value, claims: &Value) -> String {
        let part = |json: &Value| BASE64.encode(json.to_string());
        format!("{}.{}.{}", part(header), part(claims), self.signature)
    }

    /// Encodes a token signed by the attacker's key.
    fn signed(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.key).unwrap()
    }

    fn header(&self, change: impl FnOnce(&mut Header)) -> Header {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = self.header["kid"].as_str().map(ToOwned::to_owned);
        change(&mut header);
        header
    }
}

fn with(json: &Value, name: &str, value: Value) -> Value {
    let mut json = json.clone();
    json[name] = value;
    json
}

/// All forged tokens with a description each.
fn forged(ana: &TestUser, ben: &TestUser) -> Vec<(&'static str, String)> {
    let forger = Forger::of(&ana.token);
    let (header, claims) = (&forger.header, &forger.claims);
    let own: Jwk = serde_json::from_value(forger.public.clone()).unwrap();
    let own_kid = forger.public["kid"].as_str().map(ToOwned::to_owned);
    let x = forger.header["kid"].as_str().unwrap().as_bytes();
    let hs256 = Header { kid: forger.header(|_| {}).kid, ..Header::new(Algorithm::HS256) };
    vec![
        ("the account of another", forger.edited(header, &with(claims, "account_id", json!(ben.account)))),
        ("the session of another", forger.edited(header, &with(claims, "sid", json!(uuid::Uuid::now_v7())))),
        ("more permissions", forger.edited(header, &with(claims, "permissions", json!(["*:*"])))),
        ("a longer life", forger.edited(header, &with(claims, "exp", json!(4_000_000_000_u32)))),
        ("no signature", format!("{}.", forger.edited(header, claims).rsplit_once('.').unwrap().0)),
        ("alg none", forger.edited(&with(header, "alg", json!("none")), claims)),
        ("crit", forger.edited(&with(header, "crit", json!(["exp"])), claims)),
        ("a kid nobody has", forger.edited(&with(header, "kid", json!("../../etc/passwd")), claims)),
        ("another key under our kid", forger.signed(&forger.header(|_| {}), claims)),
        (
            "another key under its own kid",
            forger.signed(&forger.header(|header| header.kid.clone_from(&own_kid)), claims),
        ),
        ("a key of its own in it", forger.signed(&forger.header(|header| header.jwk = Some(own)), claims)),
        (
            "jku",
            forger
                .signed(&forger.header(|header| header.jku = Some("http://127.0.0.1:9/jwks".into())), claims),
        ),
        (
            "x5u",
            forger
                .signed(&forger.header(|header| header.x5u = Some("http://127.0.0.1:9/x5u".into())), claims),
        ),
        ("another issuer", forger.signed(&forger.header(|_| {}), &with(claims, "iss", json!("evil")))),
        (
            "HS256 with what is public",
            jsonwebtoken::encode(&hs256, claims, &EncodingKey::from_secret(x)).unwrap(),
        ),
        ("nonsense", "a.b.c".to_owned()),
        ("a megabyte", "x".repeat(1_000_000)),
    ]
}

async fn refused(nexo: &TestApp, token: &str) -> Value {
    let mallory = TestUser { token: token.to_owned(), ..TestUser::nobody(&nexo.router) };
    let answer = mallory.send_raw(Method::GET, "/api/v1/clients", &[], "").await;
    let why = if token.is_empty() { "Bearer" } else { "Bearer error=\"invalid_token\"" };
    assert_eq!(answer.header("www-authenticate"), Some(why));
    let mut problem = answer.expect(StatusCode::UNAUTHORIZED);
    problem["request_id"].take();
    problem
}

#[tokio::test]
async fn a_token_that_was_tampered_with_is_refused_in_the_same_words_as_none() {
    let nexo = nexo().await;
    let (ana, ben) = (nexo.person(ALL).await, nexo.person(ALL).await);
    ana.get("/clients").await.expect(StatusCode::OK);
    let nothing = refused(&nexo, "").await;
    for (what, token) in forged(&ana, &ben) {
        assert_eq!(refused(&nexo, &token).await, nothing, "{what}");
    }
    ana.get("/clients").await.expect(StatusCode::OK);
}

/// The service checks revocation itself, without a gateway in front.
#[tokio::test]
async fn a_removed_member_is_refused_on_the_very_next_request() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    for put_out in [
        "update app.sessions set epoch = epoch + 1",
        "update app.sessions set revoked_at = now()",
        "update app.sessions set expires_at = now()",
        "delete from app.sessions",
    ] {
        ana.get("/clients").await.expect(StatusCode::OK);
        nexo.ground.database.run(&format!("create table public.kept as table app.sessions; {put_out}")).await;
        assert_eq!(ana.get("/clients").await.status, StatusCode::UNAUTHORIZED, "{put_out}");
        let back =
            "delete from app.sessions; insert into app.sessions table public.kept; drop table public.kept";
        nexo.ground.database.run(back).await;
    }
}
