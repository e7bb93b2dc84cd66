//! Benchmark of token verification, uncached and cached. Run by `make bench`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that tells its result")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use identity::{Grant, Issuer, Jwks, Permissions, PublicKeys, SigningKey, Verifier};
use kernel::{AccountId, Clock, SessionId, UserId};
use uuid::Uuid;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let key = SigningKey::from_pem(&SigningKey::generate().unwrap()).unwrap();
    let issuer = Issuer::new(key, "nexo".into(), Duration::from_secs(600), Clock::system());
    let keys = PublicKeys::default();
    keys.replace(&Jwks { keys: vec![issuer.key().public().clone()] });
    let verifier = Verifier::new(keys, "nexo", Clock::system());
    let token = || {
        let (account, user, session) = (AccountId::new(), UserId::new(), SessionId::new());
        let permissions = Permissions::new(["*:*".to_owned()]);
        issuer
            .issue(Grant { account, user, session, epoch: 0, roles: vec!["owner".into()], permissions })
            .unwrap()
            .text
    };
    let tokens: Vec<String> = (0..5_000).map(|_| token()).collect();

    let start = Instant::now();
    for token in &tokens {
        black_box(verifier.verify(token, Uuid::nil()).await).unwrap();
    }
    let first = start.elapsed() / 5_000;
    let start = Instant::now();
    for _ in 0..100 {
        for token in &tokens {
            black_box(verifier.verify(token, Uuid::nil()).await).unwrap();
        }
    }
    let known = start.elapsed() / 500_000;
    println!("\nreading a token: {first:?} the first time, {known:?} when it is known");
}
