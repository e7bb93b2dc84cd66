//! Codes of the app and recovery codes: each is valid once.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{Ana, refused};
use crate::letter;

#[tokio::test]
async fn a_code_is_good_once_also_when_it_is_shown_twice_at_once() {
    let ana = Ana::with().await;
    for code in [ana.code(1), ana.recovery[0].clone()] {
        ana.forget_steps().await;
        let mut told = Vec::new();
        let (a, b, c, d) = tokio::join!(
            ana.login(Some(&code)),
            ana.login(Some(&code)),
            ana.login(Some(&code)),
            ana.login(Some(&code))
        );
        told.extend([a, b, c, d].map(|answer| answer.status.as_u16()));
        told.sort_unstable();
        assert_eq!(told, [200, 401, 401, 401], "{code}");
        ana.run("truncate app.login_attempts").await;
        refused(ana.login(Some(&code)).await, StatusCode::UNAUTHORIZED, "second-factor-wrong");
    }
}

#[tokio::test]
async fn codes_of_the_neighbouring_steps_are_taken_and_no_others() {
    let ana = Ana::with().await;
    for (steps, taken) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
        ana.forget_steps().await;
        let answer = ana.login(Some(&ana.code(steps))).await;
        assert_eq!(answer.status == StatusCode::OK, taken, "{steps} steps from now: {}", answer.body);
    }
}

#[tokio::test]
async fn an_earlier_code_is_not_taken_after_a_later_one() {
    let ana = Ana::with().await;
    ana.login(Some(&ana.code(1))).await.expect(StatusCode::OK);
    for steps in [-1, 0, 1] {
        let late = ana.login(Some(&ana.code(steps))).await;
        refused(late, StatusCode::UNAUTHORIZED, "second-factor-wrong");
    }
}

#[tokio::test]
async fn recovery_codes_are_ten_each_good_once_and_new_ones_replace_all() {
    let ana = Ana::with().await;
    assert_eq!(ana.recovery.iter().collect::<BTreeSet<_>>().len(), 10);
    let typed = format!(" {} ", ana.recovery[0].to_lowercase().replace('-', " "));
    ana.login(Some(&typed)).await.expect(StatusCode::OK);
    assert_eq!(ana.state().await["recovery_codes_left"], 9);
    refused(ana.login(Some(&ana.recovery[0])).await, StatusCode::UNAUTHORIZED, "second-factor-wrong");

    let mut renewals = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let ana = ana.person.clone();
        renewals.spawn(async move { ana.post("/auth/second-factor/recovery-codes", Value::Null).await });
    }
    let new = renewals.join_all().await.into_iter();
    let new: Vec<_> = new.map(|one| one.expect(StatusCode::OK)["recovery_codes"].clone()).collect();
    assert_eq!(ana.state().await["recovery_codes_left"], 10, "eight at once leave ten");
    assert_eq!(letter(&ana.nexo, "ana@acme.test").await["subject"], "You have new recovery codes");
    refused(ana.login(Some(&ana.recovery[1])).await, StatusCode::UNAUTHORIZED, "second-factor-wrong");
    let mut good = 0;
    for codes in &new {
        ana.run("truncate app.login_attempts").await;
        good += usize::from(ana.login(codes[3].as_str()).await.status == StatusCode::OK);
    }
    assert_eq!(good, 1, "those of the last one");
}

#[tokio::test]
async fn a_code_of_another_user_is_refused() {
    let ana = Ana::with().await;
    let mut eve = Ana::called(&ana.nexo, "eve@other.test", "Other").await;
    eve.begin().await;
    eve.confirm().await;
    for code in [&eve.code(1), &eve.recovery[0]] {
        refused(ana.login(Some(code)).await, StatusCode::UNAUTHORIZED, "second-factor-wrong");
    }
    // Nor does her row work in place of Ana's: its secret is bound to her id.
    ana.run(
        "update app.user_factors f set secret = o.secret from app.user_factors o where o.user_id <> f.user_id",
    )
    .await;
    let moved = ana.login(Some(&eve.code(1))).await;
    assert_eq!(moved.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn no_secret_and_no_code_is_in_clear_in_the_database() {
    let ana = Ana::with().await;
    ana.login(Some(&ana.recovery[0])).await.expect(StatusCode::OK);
    let mut look = ana.nexo.ground.database.look().await;
    let tables: Vec<(String,)> =
        sqlx::query_as("select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('app', 'app_parts', 'ops')")
            .fetch_all(&mut look)
            .await
            .unwrap();
    let secret = totp_rs::Secret::try_from_base32(&ana.secret).unwrap();
    let mut bare = vec![ana.secret.clone(), hex(secret.as_bytes()), hex(ana.secret.as_bytes())];
    for code in &ana.recovery {
        let code = code.replace('-', "");
        bare.extend([hex(code.as_bytes()), code]);
    }
    bare.extend(ana.recovery.clone());
    let mut rows = 0;
    for (table,) in &tables {
        let all = format!("select to_jsonb(t)::text from {table} t");
        let all: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(all)).fetch_all(&mut look).await.unwrap();
        rows += all.len();
        for (row,) in &all {
            assert!(!bare.iter().any(|text| row.contains(text)), "{table}: {row}");
        }
    }
    assert!(rows > 20, "{rows} rows in {} tables", tables.len());
}

#[tokio::test]
async fn the_auth_role_cannot_list_factors() {
    let ana = Ana::with().await;
    let mut auth = PgConnection::connect_with(&ana.nexo.ground.database.role("nexo_auth")).await.unwrap();
    for refused in [
        "select secret from app.user_factors",
        "select code_hash from app.recovery_codes",
        "update app.user_factors set last_step = 0",
        "delete from app.recovery_codes",
    ] {
        let answer = sqlx::query(AssertSqlSafe(refused)).execute(&mut auth).await;
        let code = answer.err().and_then(|error| Some(error.as_database_error()?.code()?.into_owned()));
        assert_eq!(code.as_deref(), Some("42501"), "{refused}");
    }
    let mine = "select 1 from app.my_factor()";
    assert_eq!(sqlx::query(mine).fetch_all(&mut auth).await.unwrap().len(), 0, "nobody's");
    for fails in ["take_recovery_code('\\x00')", "replace_recovery_codes('{}')", "remove_factor()"] {
        let (done,): (bool,) =
            sqlx::query_as(AssertSqlSafe(format!("select app.{fails}"))).fetch_one(&mut auth).await.unwrap();
        assert!(!done, "{fails}");
    }
    auth.close().await.unwrap();
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
