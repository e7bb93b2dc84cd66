//! A user who is a member of several accounts.

use http::{Method, StatusCode};
use serde_json::json;

use crate::{
    company::{Company, person},
    me, post, registered,
};

#[tokio::test]
async fn a_person_opens_another_account_and_switches_between_them() {
    let acme = Company::new().await;
    let made = acme.ana.post("/accounts", json!({ "name": "Borealis" })).await.expect(StatusCode::CREATED);
    let there = person(&acme.nexo, &made);
    assert_ne!(there.account, acme.ana.account);
    assert_eq!(there.user, acme.ana.user);
    let mine = there.get("/accounts").await.expect(StatusCode::OK);
    assert_eq!(mine["current"], json!(there.account));
    let names: Vec<_> =
        mine["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&"Acme") && names.contains(&"Borealis"), "{names:?}");

    let back = format!("/accounts/{}/sessions", acme.ana.account);
    let tokens = there.post(&back, json!({})).await.expect(StatusCode::OK);
    let here = me(&acme.nexo, &tokens).await.expect(StatusCode::OK);
    assert_eq!(here["account"]["slug"], "acme");
    there.get("/auth/me").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn an_account_of_others_is_none() {
    let acme = Company::new().await;
    let ben = person(&acme.nexo, &registered(&acme.nexo, "ben@other.test", "Other").await);
    for account in [ben.account.to_string(), uuid::Uuid::now_v7().to_string()] {
        let switch = acme.ana.post(&format!("/accounts/{account}/sessions"), json!({})).await;
        assert_eq!(switch.status, StatusCode::NOT_FOUND);
        let leave =
            acme.ana.send(Method::DELETE, &format!("/accounts/{account}/membership"), None, None).await;
        assert_eq!(leave.status, StatusCode::NOT_FOUND);
    }
    acme.nexo.ground.database.run("update app.account_directory set status = 'suspended'").await;
    let own = acme.ana.post(&format!("/accounts/{}/sessions", acme.ana.account), json!({})).await;
    assert_eq!(own.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_member_who_leaves_has_no_access_at_once() {
    let acme = Company::new().await;
    let eve = acme.somebody("viewer").await;
    let leave = format!("/accounts/{}/membership", acme.ana.account);
    assert_eq!(eve.send(Method::DELETE, &leave, None, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(eve.get("/auth/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(acme.ana.get("/members").await.body["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_account_says_how_long_its_sessions_live() {
    let acme = Company::new().await;
    let rules = acme.ana.get("/account").await;
    let version = rules.header("etag").unwrap().trim_matches('"').parse::<i64>().unwrap();
    let change = json!({ "session_idle_minutes": 15, "session_hours": 2, "name": "Acme & Co" });
    let changed = acme.ana.patch("/account", &json!({ "version": version }), change.clone()).await;
    assert_eq!(changed.expect(StatusCode::OK)["session_hours"], 2);
    let stale = acme.ana.patch("/account", &json!({ "version": version }), change).await;
    assert_eq!(stale.expect(StatusCode::PRECONDITION_FAILED)["current"]["name"], "Acme & Co");
    let wrong =
        acme.ana.patch("/account", &json!({ "version": 2 }), json!({ "session_idle_minutes": 1 })).await;
    assert_eq!(
        wrong.expect(StatusCode::UNPROCESSABLE_ENTITY)["errors"][0]["pointer"],
        "/session_idle_minutes"
    );

    let login = json!({ "email": "ana@acme.test", "password": crate::PASSWORD });
    let tokens = post(&acme.nexo, "login", login).await.expect(StatusCode::OK);
    let mut look = acme.nexo.ground.database.look().await;
    let (hours,): (bool,) = sqlx::query_as(
        "select expires_at - created_at = interval '2 hours' from app.sessions order by created_at desc limit 1",
    )
    .fetch_one(&mut look)
    .await
    .unwrap();
    assert!(hours);
    let idle = "update app.sessions set rotated_at = now() - interval '16 minutes'";
    acme.nexo.ground.database.run(idle).await;
    let late = post(&acme.nexo, "refresh", json!({ "refresh_token": tokens["refresh_token"] })).await;
    assert_eq!(late.expect(StatusCode::UNAUTHORIZED)["code"], "refresh-token-invalid");
}

/// Otherwise a stolen token could be extended forever, from session to session.
#[tokio::test]
async fn a_session_that_another_opens_lives_no_longer() {
    let acme = Company::new().await;
    let end = "update app.sessions set expires_at = now() + interval '5 minutes'";
    acme.nexo.ground.database.run(end).await;
    let again = format!("/accounts/{}/sessions", acme.ana.account);
    acme.ana.post(&again, json!({})).await.expect(StatusCode::OK);
    acme.ana.post("/accounts", json!({ "name": "Borealis" })).await.expect(StatusCode::CREATED);
    let mut look = acme.nexo.ground.database.look().await;
    let (longest,): (bool,) =
        sqlx::query_as("select max(expires_at) <= now() + interval '5 minutes' from app.sessions")
            .fetch_one(&mut look)
            .await
            .unwrap();
    assert!(longest);
}
