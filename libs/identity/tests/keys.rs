//! Key rotation and revocation during verification, in-process and remote.
#![expect(clippy::unwrap_used, reason = "a test should fail where it fails")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use identity::{Config, Grant, Issuer, Jwks, Permissions, PublicKeys, SigningKey, TokenError, Verifier};
use kernel::{AccountId, Clock, Env, SessionId, UserId};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    runtime::Handle,
    task::JoinSet,
    time::{Instant, sleep},
};
use uuid::Uuid;

fn key() -> SigningKey {
    SigningKey::from_pem(&SigningKey::generate().unwrap()).unwrap()
}

fn issuer() -> Issuer {
    Issuer::new(key(), "nexo".into(), Duration::from_secs(600), Clock::system())
}

fn token(issuer: &Issuer) -> String {
    let (account, user, session) = (AccountId::new(), UserId::new(), SessionId::new());
    let permissions = Permissions::default();
    issuer.issue(Grant { account, user, session, epoch: 0, roles: vec![], permissions }).unwrap().text
}

fn published(keys: &[&SigningKey]) -> Jwks {
    Jwks { keys: keys.iter().map(|key| key.public().clone()).collect() }
}

async fn verdict(verifier: &Verifier, token: &str) -> Option<TokenError> {
    verifier.verify(token, Uuid::nil()).await.err()
}

#[tokio::test]
async fn an_issuer_that_takes_another_key_signs_with_it_and_old_tokens_stay_good() {
    let (issuer, next) = (issuer(), key());
    let keys = PublicKeys::default();
    keys.replace(&published(&[&issuer.key(), &next]));
    let verifier = Verifier::new(keys, "nexo", Clock::system());
    let old = token(&issuer);
    issuer.clone().sign_with(next.clone());
    let new = token(&issuer);
    let header = jsonwebtoken::decode_header(&new).unwrap();
    assert_eq!(header.kid.as_ref(), Some(&next.public().kid));
    for token in [&old, &new] {
        assert_eq!(verdict(&verifier, token).await, None);
    }
}

#[tokio::test]
async fn a_key_that_ends_takes_the_tokens_with_it_that_were_known() {
    let (leaked, sound) = (issuer(), issuer());
    let keys = PublicKeys::default();
    keys.replace(&published(&[&leaked.key(), &sound.key()]));
    let verifier = Verifier::new(keys.clone(), "nexo", Clock::system());
    let (bad, good) = (token(&leaked), token(&sound));
    for token in [&bad, &good] {
        assert_eq!(verdict(&verifier, token).await, None);
    }
    keys.replace(&published(&[&sound.key()]));
    assert_eq!(verdict(&verifier, &bad).await, Some(TokenError::Invalid));
    assert_eq!(verdict(&verifier, &good).await, None);
    // A restore may bring the key back: then its tokens are valid again.
    keys.replace(&published(&[&leaked.key(), &sound.key()]));
    assert_eq!(verdict(&verifier, &bad).await, None);
}

/// A fake issuer endpoint that counts its requests.
struct Endpoint {
    url: String,
    asked: Arc<AtomicUsize>,
    jwks: Arc<Mutex<Jwks>>,
}

impl Endpoint {
    async fn start(jwks: Jwks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let endpoint = Self { url, asked: Arc::default(), jwks: Arc::new(Mutex::new(jwks)) };
        let (asked, jwks) = (Arc::clone(&endpoint.asked), Arc::clone(&endpoint.jwks));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let _ = socket.read(&mut [0; 4096]).await.unwrap();
                asked.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_millis(50)).await; // long enough for concurrent callers
                let body = serde_json::to_string(&*jwks.lock().unwrap()).unwrap();
                let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}", body.len());
                socket.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
            }
        });
        endpoint
    }

    fn verifier(&self, seconds: &str) -> Verifier {
        let settings = [("NEXO_JWKS_URL", self.url.as_str()), ("NEXO_JWKS_REFRESH_SECONDS", seconds)];
        let mut env = Env::from_values(settings.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let config = Config::read(&mut env);
        env.finish().unwrap();
        config.verifier(Clock::system())
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn fifty_tokens_of_an_unknown_key_ask_once() {
    let (ours, unknown) = (issuer(), issuer());
    let endpoint = Endpoint::start(published(&[&ours.key()])).await;
    let verifier = endpoint.verifier("300");
    let mut requests = JoinSet::new();
    for at in 0..100 {
        let verifier = verifier.clone();
        let (token, wanted) =
            if at % 2 == 0 { (token(&unknown), Some(TokenError::Invalid)) } else { (token(&ours), None) };
        requests.spawn(async move { assert_eq!(verdict(&verifier, &token).await, wanted) });
    }
    requests.join_all().await;
    assert_eq!(endpoint.asked(), 1);
    assert_eq!(verdict(&verifier, &token(&unknown)).await, Some(TokenError::Invalid));
    assert_eq!(endpoint.asked(), 1);
}

#[tokio::test]
async fn a_key_that_its_issuer_withdraws_is_forgotten_with_all_its_tokens() {
    let (leaked, sound) = (issuer(), issuer());
    let endpoint = Endpoint::start(published(&[&leaked.key(), &sound.key()])).await;
    let verifier = endpoint.verifier("1");
    let (bad, good) = (token(&leaked), token(&sound));
    for token in [&bad, &good] {
        assert_eq!(verdict(&verifier, token).await, None);
    }
    *endpoint.jwks.lock().unwrap() = published(&[&sound.key()]);
    let began = Instant::now();
    while verdict(&verifier, &bad).await.is_none() {
        assert!(began.elapsed() < Duration::from_secs(3), "the key is still taken for good");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(verdict(&verifier, &good).await, None);
    // An empty key set of the issuer must not reject everything.
    let asked = endpoint.asked();
    *endpoint.jwks.lock().unwrap() = Jwks::default();
    while endpoint.asked() < asked + 2 {
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(verdict(&verifier, &good).await, None);
}

#[tokio::test]
async fn a_verifier_that_is_gone_asks_no_more() {
    let endpoint = Endpoint::start(published(&[&issuer().key()])).await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let verifier = endpoint.verifier("1");
    assert_eq!(tasks(), before + 1, "a task fetches the keys");
    drop(verifier);
    let began = Instant::now();
    while tasks() > before {
        assert!(began.elapsed() < Duration::from_secs(20), "the task goes on");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(endpoint.asked(), 0);
}
