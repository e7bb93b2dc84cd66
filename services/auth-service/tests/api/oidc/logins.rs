//! Logins at a provider: who is accepted, and as which user.

use http::StatusCode;
use serde_json::json;

use super::{Claims, Scene, holder};
use crate::{
    PASSWORD,
    company::{Company, person},
    me, post, registered,
};

#[tokio::test]
async fn a_user_logs_in_at_the_provider_of_their_account() {
    for claims in [Claims::UserInfo, Claims::IdToken] {
        let scene = Scene::set(claims).await;
        let started = scene.started(json!({ "account": "acme", "email": " ana@ACME.test" })).await;
        let url = started["authorization_url"].as_str().unwrap();
        for part in [
            "code_challenge_method=S256",
            "nonce=",
            "response_type=code",
            "scope=openid+email",
            "login_hint=ana",
        ] {
            assert!(url.contains(part), "{part} is missing: {url}");
        }
        let tokens = scene.login().await.expect(StatusCode::OK);
        assert_eq!(
            (&tokens["user_id"], &tokens["account_id"]),
            (&scene.ana["user_id"], &scene.ana["account_id"])
        );
        me(&scene.nexo, &tokens).await.expect(StatusCode::OK);
        post(&scene.nexo, "refresh", json!({ "refresh_token": tokens["refresh_token"] }))
            .await
            .expect(StatusCode::OK);
        scene.provider.stop().await;
    }
}

#[tokio::test]
async fn the_slug_of_an_account_leads_to_its_provider() {
    let scene = Scene::set(Claims::IdToken).await;
    for known in [json!({ "account": "acme" }), json!({ "account": "acme", "email": "ana@acme.test" })] {
        let started = scene.started(known).await;
        let back = scene.provider.walk(started["authorization_url"].as_str().unwrap()).await;
        scene.finish(&back).await.expect(StatusCode::OK);
    }
    for unknown in [
        json!({ "account": "other" }),
        json!({ "account": "other", "email": "ana@acme.test" }),
        json!({ "account": "acme", "email": "acme.test" }),
        json!({ "account": "acme", "email": "ana@other.test" }),
    ] {
        let problem = post(&scene.nexo, "oidc/start", unknown).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["code"], "oidc-not-configured");
    }
    scene.provider.stop().await;
}

/// The first user with an address of a domain has not proven control of the domain.
#[tokio::test]
async fn an_email_alone_does_not_select_a_provider() {
    let scene = Scene::set(Claims::IdToken).await;
    for alone in [json!({}), json!({ "email": "ana@acme.test" }), json!({ "email": "ben@acme.test" })] {
        let problem = post(&scene.nexo, "oidc/start", alone).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], "/account", "{problem}");
    }
    scene.provider.stop().await;
}

/// An account's provider vouches for users in that account only, also for former members.
#[tokio::test]
async fn a_former_member_logs_in_at_the_provider_and_rejoins_its_account_alone() {
    let scene = Scene::set(Claims::IdToken).await;
    let acme = Company { nexo: scene.nexo.clone(), ana: person(&scene.nexo, &scene.ana) };
    let zoe = acme.newcomer("zoe@acme.test").await;
    scene.provider.person("zoe-3", "zoe@acme.test", true).await;
    scene.login().await.expect(StatusCode::OK);
    assert_eq!(acme.remove(&acme.ana, zoe.user).await.status, StatusCode::NO_CONTENT);

    let ben = person(&scene.nexo, &registered(&scene.nexo, "ben@other.test", "Other").await);
    let other = Company { nexo: scene.nexo.clone(), ana: ben };
    let (here, elsewhere) = (acme.letter_to("zoe@acme.test").await, other.letter_to("zoe@acme.test").await);
    let tokens = scene.login().await.expect(StatusCode::OK);
    assert_eq!((&tokens["no_account"], &tokens["refresh_token"]), (&json!(true), &json!(null)));
    let outside = holder(&scene.nexo, &tokens);
    let mine = outside.get("/auth/invitations").await.expect(StatusCode::OK);
    assert_eq!(mine["data"].as_array().unwrap().len(), 1);
    assert_eq!(mine["data"][0]["account_id"], scene.ana["account_id"]);
    for refused in [
        outside.post("/invitations/accept", json!({ "token": elsewhere })).await,
        outside.post("/accounts", json!({ "name": "Borealis" })).await,
    ] {
        assert_eq!(refused.expect(StatusCode::FORBIDDEN)["code"], "provider-session");
    }
    let back = outside.post("/invitations/accept", json!({ "token": here })).await.expect(StatusCode::OK);
    let back = person(&scene.nexo, &back);
    assert_eq!((back.account, back.user), (acme.ana.account, zoe.user));
    let opening = back.post("/accounts", json!({ "name": "Borealis" })).await;
    assert_eq!(opening.expect(StatusCode::FORBIDDEN)["code"], "provider-session", "nor from the new session");
    scene.provider.stop().await;
}

/// After the e-mail has made the link, the provider's subject identifier counts.
#[tokio::test]
async fn a_person_whose_email_changes_at_the_provider_stays_who_they_are() {
    let scene = Scene::set(Claims::UserInfo).await;
    scene.login().await.expect(StatusCode::OK);
    scene.provider.person("ana-1", "ana.lima@acme.test", true).await;
    let renamed = scene.login().await.expect(StatusCode::OK);
    assert_eq!(renamed["user_id"], scene.ana["user_id"]);

    // Her old address is reassigned to a colleague, who does not become Ana.
    scene.provider.person("ben-2", "ana@acme.test", true).await;
    Scene::is_refused(scene.login().await);
    scene.provider.stop().await;
}

#[tokio::test]
async fn a_link_is_noted_once() {
    let scene = Scene::set(Claims::IdToken).await;
    for _ in 0..2 {
        scene.login().await.expect(StatusCode::OK);
    }
    let mut look = scene.nexo.ground.database.look().await;
    let (linked, pending): (i64, i64) = sqlx::query_as(
        "select (select count(*) from app.outbox where topic = 'auth.identity.linked'), (select count(*) from app.oidc_logins)",
    )
    .fetch_one(&mut look)
    .await
    .unwrap();
    assert_eq!((linked, pending), (1, 0));
    scene.provider.stop().await;
}

#[tokio::test]
async fn only_an_active_member_is_let_in() {
    let scene = Scene::set(Claims::IdToken).await;
    // Zoe is registered, but not a member of Acme.
    let zoe = registered(&scene.nexo, "zoe@acme.test", "Zoe").await;
    scene.provider.person("zoe-3", "zoe@acme.test", true).await;
    Scene::is_refused(scene.login().await);
    let join = format!(
        "insert into app.memberships (account_id, user_id) values ('{}', '{}')",
        scene.ana["account_id"].as_str().unwrap(),
        zoe["user_id"].as_str().unwrap()
    );
    scene.nexo.ground.database.run(&join).await;
    let tokens = scene.login().await.expect(StatusCode::OK);
    assert_eq!((&tokens["user_id"], &tokens["account_id"]), (&zoe["user_id"], &scene.ana["account_id"]));

    for suspended in ["memberships", "users", "account_directory"] {
        let set = |status| format!("update app.{suspended} set status = '{status}'");
        let back = scene.walked().await;
        scene.nexo.ground.database.run(&set("suspended")).await;
        Scene::is_refused(scene.finish(&back).await);
        scene.nexo.ground.database.run(&set("active")).await;
    }
    scene.login().await.expect(StatusCode::OK);
    scene.provider.stop().await;
}

#[tokio::test]
async fn a_password_is_good_beside_the_provider() {
    let scene = Scene::set(Claims::IdToken).await;
    scene.login().await.expect(StatusCode::OK);
    let login = json!({ "email": "ana@acme.test", "password": PASSWORD });
    let tokens = post(&scene.nexo, "login", login).await.expect(StatusCode::OK);
    let sessions = holder(&scene.nexo, &tokens).get("/auth/sessions").await.expect(StatusCode::OK);
    assert_eq!(
        sessions["data"].as_array().unwrap().len(),
        3,
        "one of the registration, and one of each login"
    );
    scene.provider.stop().await;
}

/// Provider metadata is cached for minutes, but a new signing key is accepted at once.
#[tokio::test]
async fn a_provider_may_take_a_new_key_at_any_time() {
    let scene = Scene::set(Claims::IdToken).await;
    for _ in 0..3 {
        scene.login().await.expect(StatusCode::OK);
        scene.provider.new_key().await;
    }
    scene.provider.stop().await;
}

/// A provider's operator can impersonate any member in its account, but in no other account.
#[tokio::test]
async fn a_session_of_a_provider_leads_to_no_other_account() {
    let scene = Scene::set(Claims::IdToken).await;
    let ana = holder(&scene.nexo, &scene.ana);
    let other = ana.post("/accounts", json!({ "name": "Borealis" })).await.expect(StatusCode::CREATED);
    let at_provider = holder(&scene.nexo, &scene.login().await.expect(StatusCode::OK));
    let mine = at_provider.get("/accounts").await.expect(StatusCode::OK);
    assert_eq!(mine["data"].as_array().unwrap().len(), 1);
    let there = format!("/accounts/{}", other["account_id"].as_str().unwrap());
    for answer in [
        at_provider.post(&format!("{there}/sessions"), json!({})).await,
        at_provider.post(&format!("/accounts/{}/sessions", ana.account), json!({})).await,
        at_provider.send(http::Method::DELETE, &format!("{there}/membership"), None, None).await,
        at_provider.post("/accounts", json!({ "name": "Another" })).await,
    ] {
        assert_eq!(answer.expect(StatusCode::FORBIDDEN)["code"], "provider-session");
    }
    let sessions = at_provider.get("/auth/sessions").await.expect(StatusCode::OK);
    assert!(sessions["data"].as_array().unwrap().iter().any(|one| one["via"] == "provider"));
    scene.provider.stop().await;
}
