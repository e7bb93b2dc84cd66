//! The `.http` suites, run by httpyac against a fresh NEXO.

use std::{path::PathBuf, time::Duration};

use crate::process::{Nexo, home};
use identity::{Grant, Issuer, Permissions, SigningKey};
use kernel::{AccountId, Clock, SessionId, UserId};
use serde_json::{Value, json};

/// Signed with NEXO's own key, for everything, and a year too late.
fn expired_token(home: &tempfile::TempDir) -> String {
    let key = SigningKey::kept_in(&home.path().join("state/keys/signing.pem")).unwrap();
    let issuer =
        Issuer::new(key, "nexo".to_owned(), Duration::from_secs(600), Clock::standing(1_760_000_000));
    let (account, user, session) = (AccountId::new(), UserId::new(), SessionId::new());
    let permissions = Permissions::new(["*:*".to_owned()]);
    issuer.issue(Grant { account, user, session, roles: vec![], permissions }).unwrap().text
}

async fn passes(suite: &str, checks: usize) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../http-tests");
    let httpyac = folder.join("node_modules/.bin/httpyac");
    assert!(httpyac.exists(), "httpyac is not installed: run `make test`, or `npm ci` in http-tests");
    let home = home();
    let nexo = Nexo::up(&home, &[]).await;
    let told = tempfile::NamedTempFile::new().unwrap();
    let run = tokio::process::Command::new(httpyac)
        .args(["send", "--all", "--json", "--env", "local", "--var"])
        .args([format!("host={}", nexo.url), format!("expired_token={}", expired_token(&home))])
        .arg("--")
        .arg(suite)
        .current_dir(&folder)
        .stdout(told.reopen().unwrap()) // into a file: httpyac ends before it has emptied a pipe
        .status()
        .await
        .unwrap();
    nexo.stop().await;
    let said: Value = serde_json::from_reader(told.reopen().unwrap()).expect("httpyac tells its results");
    let failed: Vec<_> = said["requests"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|one| one["summary"]["failedTests"] != 0)
        .collect();
    assert!(run.success() && failed.is_empty(), "{failed:#?}");
    assert_eq!(
        (&said["summary"]["totalRequests"], &said["summary"]["successTests"]),
        (&json!(checks), &json!(checks))
    );
}

#[tokio::test]
async fn a_persons_sessions_are_as_auth_http_says() {
    passes("auth.http", 13).await;
}

#[tokio::test]
async fn accounts_are_apart_as_isolation_http_says() {
    passes("isolation.http", 24).await;
}
