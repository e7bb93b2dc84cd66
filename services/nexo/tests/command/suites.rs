//! The `.http` suites, run by httpyac against a new NEXO.

use std::{path::PathBuf, time::Duration};

use crate::process::{Nexo, home};
use identity::{Grant, Issuer, Permissions, SealingKey, Secret};
use kernel::{AccountId, Clock, SessionId, UserId};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

/// A token with all permissions, signed by NEXO's own key, that expired a year ago.
async fn expired_token(home: &tempfile::TempDir) -> String {
    let state = home.path().join("state");
    let access = pg_server::Cluster::running(&state).unwrap().unwrap();
    let mut conn = PgConnection::connect_with(&access.superuser("nexo")).await.unwrap();
    let (kid, sealed): (String, Vec<u8>) =
        sqlx::query_as("select kid, sealed from app.signing_keys where state = 'current'")
            .fetch_one(&mut conn)
            .await
            .unwrap();
    conn.close().await.unwrap();
    let secret = std::fs::read_to_string(state.join("keys/secret")).unwrap();
    let sealing = SealingKey::new(&Secret::new(secret.into()).unwrap()).unwrap();
    let key = sealing.open(&kid, &sealed).unwrap();
    let issuer = Issuer::new(key, "nexo".to_owned(), Duration::from_secs(600), Clock::fixed(1_760_000_000));
    let (account, user, session) = (AccountId::new(), UserId::new(), SessionId::new());
    let permissions = Permissions::new(["*:*".to_owned()]);
    issuer.issue(Grant { account, user, session, epoch: 0, roles: vec![], permissions }).unwrap().text
}

async fn passes(suite: &str, checks: usize) {
    let home = home();
    let nexo = Nexo::up(&home, &[]).await;
    run(&nexo, suite, checks, &[format!("expired_token={}", expired_token(&home).await)]).await;
    nexo.stop().await;
}

/// Runs a suite with one check per request.
async fn run(nexo: &Nexo, suite: &str, checks: usize, variables: &[String]) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../http-tests");
    let httpyac = folder.join("node_modules/.bin/httpyac");
    assert!(httpyac.exists(), "httpyac is not installed: run `make test`, or `npm ci` in http-tests");
    let told = tempfile::NamedTempFile::new().unwrap();
    let run = tokio::process::Command::new(httpyac)
        .args(["send", "--all", "--json", "--env", "local", "--var"])
        .arg(format!("host={}", nexo.url))
        .args(variables)
        .arg("--")
        .arg(suite)
        .current_dir(&folder)
        .stdout(told.reopen().unwrap()) // to a file: httpyac exits before flushing a pipe
        .status()
        .await
        .unwrap();
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
    passes("auth.http", 27).await;
}

#[tokio::test]
async fn a_company_and_its_people_are_as_company_http_says() {
    passes("company.http", 44).await;
}

#[tokio::test]
async fn a_second_factor_is_added_as_factor_http_says() {
    passes("factor.http", 11).await;
}

#[tokio::test]
async fn accounts_are_apart_as_isolation_http_says() {
    passes("isolation.http", 28).await;
}

#[tokio::test]
async fn programs_come_in_as_keys_http_says() {
    passes("keys.http", 13).await;
}

#[tokio::test]
async fn a_company_works_as_work_http_says() {
    passes("work.http", 19).await;
}

#[tokio::test]
async fn members_see_and_do_no_more_than_rights_py_allows() {
    let home = home();
    let nexo = Nexo::up(&home, &[]).await;
    let suite = concat!(env!("CARGO_MANIFEST_DIR"), "/../../http-tests/rights.py");
    let run = tokio::process::Command::new("python3").arg(suite).arg(&nexo.url).output().await.unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    assert!(said.lines().filter(|line| line.starts_with("ok")).count() >= 28, "{said}");
    nexo.stop().await;
}

/// Deletes all data of an account, in an order that satisfies the foreign keys.
const DELETED: &str = "delete from app.outbox; delete from app.audit_log; delete from app.audit_chains; delete from app.idempotency_keys; delete from app.sessions;
    delete from app.member_roles; delete from app.roles; delete from app.clients;
    delete from app.memberships; delete from app.accounts; delete from app.account_directory";

#[tokio::test]
async fn an_account_that_was_exported_deleted_and_imported_is_as_the_http_suites_say() {
    let home = home();
    let nexo = Nexo::up(&home, &[]).await;
    let variables = ["email=moves@nexo.test".to_owned()];
    run(&nexo, "before-move.http", 6, &variables).await;
    let file = home.path().join("moved.nexo.tar.zst");
    let file = file.to_str().unwrap();
    done(&home, &["db", "tenant", "export", "moving-ltd", "--to", file]);
    nexo.sql(DELETED).await;
    done(&home, &["db", "tenant", "import", file]);
    run(&nexo, "after-move.http", 4, &variables).await;
    done(&home, &["db", "check", "--no-drift"]);
    nexo.stop().await;
}

fn done(home: &tempfile::TempDir, arguments: &[&str]) {
    let (code, said) = Nexo::command(home, arguments);
    assert_eq!(code, 0, "{arguments:?}: {said}");
}
