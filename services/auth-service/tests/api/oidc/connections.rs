//! Connections to identity providers, and their isolation from other accounts.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::TestContext;
use tokio::net::TcpListener;

use super::{Claims, Provider, REDIRECT, SECRET, Scene, connect, connection, holder};
use crate::{nexo, nexo_on, post, registered};

#[tokio::test]
async fn a_stranger_sees_no_connection_and_removes_none() {
    let scene = Scene::set(Claims::IdToken).await;
    let ana = holder(&scene.nexo, &scene.ana);
    let mine = ana.get("/oidc-connections").await.expect(StatusCode::OK);
    let path = format!("/oidc-connections/{}", mine["data"][0]["id"].as_str().unwrap());
    let ben = holder(&scene.nexo, &registered(&scene.nexo, "ben@other.test", "Other").await);
    assert_eq!(ben.get("/oidc-connections").await.expect(StatusCode::OK)["data"], json!([]));
    ben.send(Method::DELETE, &path, None, None).await.expect(StatusCode::NOT_FOUND);
    scene.login().await.expect(StatusCode::OK);

    ana.send(Method::DELETE, &path, None, None).await.expect(StatusCode::NO_CONTENT);
    ana.send(Method::DELETE, &path, None, None).await.expect(StatusCode::NOT_FOUND);
    let start = post(&scene.nexo, "oidc/start", json!({ "account": "acme" })).await;
    assert_eq!(start.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "oidc-not-configured");
    connect(&scene.nexo, &scene.ana, &scene.provider.issuer, "ACME.test").await.expect(StatusCode::CREATED);
    scene.login().await.expect(StatusCode::OK);
    scene.provider.stop().await;
}

#[tokio::test]
async fn a_login_on_its_way_ends_with_its_connection() {
    let scene = Scene::set(Claims::IdToken).await;
    let back = scene.walked().await;
    scene.nexo.ground.database.run("delete from app.oidc_connections").await;
    Scene::is_refused(scene.finish(&back).await);
    scene.provider.stop().await;
}

#[tokio::test]
async fn secrets_are_neither_shown_nor_stored_in_clear() {
    let scene = Scene::set(Claims::IdToken).await;
    let ana = holder(&scene.nexo, &scene.ana);
    let listed = ana.get("/oidc-connections").await.expect(StatusCode::OK);
    let keys: Vec<_> = listed["data"][0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["client_id", "created_at", "domain", "id", "issuer"]);

    let back = scene.walked().await; // leaves a pending login
    let mut look = scene.nexo.ground.database.look().await;
    let (kept,): (String,) = sqlx::query_as(
        "select concat(
            (select string_agg(encode(client_secret, 'escape'), ' ') from app.oidc_connections),
            (select string_agg(l::text || encode(sealed, 'escape'), ' ') from app.oidc_logins l),
            (select string_agg(concat(before, after), ' ') from app.audit_log),
            (select string_agg(payload::text, ' ') from app.outbox))",
    )
    .fetch_one(&mut look)
    .await
    .unwrap();
    for secret in [SECRET, "verifier", "nonce", &back.state, &back.code] {
        assert!(!kept.contains(secret), "{secret} is kept in clear");
    }
    assert!(kept.contains(&scene.provider.issuer), "what was connected is in the history");
    scene.provider.stop().await;
}

#[tokio::test]
async fn a_domain_is_bound_once_and_by_a_user_of_it() {
    let scene = Scene::set(Claims::IdToken).await;
    let issuer = scene.provider.issuer.as_str();
    // A colleague with an account of their own, and an unrelated user.
    let zoe = registered(&scene.nexo, "zoe@acme.test", "Zoe").await;
    let ben = registered(&scene.nexo, "ben@other.test", "Other").await;
    for (who, domain, status, code) in [
        (&scene.ana, "acme.test", StatusCode::CONFLICT, "oidc-domain-taken"),
        (&zoe, "acme.test", StatusCode::CONFLICT, "oidc-domain-taken"),
        (&ben, "acme.test", StatusCode::UNPROCESSABLE_ENTITY, "oidc-domain-foreign"),
        (&ben, "test", StatusCode::UNPROCESSABLE_ENTITY, "oidc-domain-foreign"),
        (&ben, "free.test", StatusCode::UNPROCESSABLE_ENTITY, "oidc-domain-foreign"),
    ] {
        let problem = connect(&scene.nexo, who, issuer, domain).await.expect(status);
        assert_eq!((&problem["code"], &problem["errors"][0]["pointer"]), (&json!(code), &json!("/domain")));
    }
    connect(&scene.nexo, &ben, issuer, "other.test").await.expect(StatusCode::CREATED);
    scene.provider.stop().await;
}

/// Anyone can register an address there.
#[tokio::test]
async fn a_domain_of_public_mailboxes_is_connected_to_no_provider() {
    let scene = Scene::set(Claims::IdToken).await;
    for domain in ["gmail.com", "outlook.com", "gmx.de", "proton.me", "mail.ru", "qq.com"] {
        let email = format!("somebody@{domain}");
        let somebody = registered(&scene.nexo, &email, "Somebody").await;
        for spelling in
            [domain.to_owned(), domain.to_uppercase(), format!(" {domain} "), format!("{domain}.")]
        {
            let refused = connect(&scene.nexo, &somebody, &scene.provider.issuer, &spelling).await;
            let problem = refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
            assert_eq!(
                (&problem["code"], &problem["errors"][0]["pointer"]),
                (&json!("oidc-domain-public"), &json!("/domain")),
                "{spelling}"
            );
        }
    }
    scene.provider.stop().await;
}

#[tokio::test]
async fn managing_a_connection_needs_the_right_to_manage_the_account() {
    let nexo = nexo().await;
    for (permissions, status) in
        [("*:read client:*", StatusCode::FORBIDDEN), ("account:write", StatusCode::OK)]
    {
        assert_eq!(nexo.person(permissions).await.get("/oidc-connections").await.status, status);
    }
}

/// A provider's operator can log in as any member of its domain, so connecting it requires all rights.
#[tokio::test]
async fn connecting_a_provider_needs_all_rights() {
    let scene = Scene::set(Claims::IdToken).await;
    let ana = holder(&scene.nexo, &scene.ana);
    let account = scene.ana["account_id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap();
    let clerk = scene.nexo.member(account.into(), "account:*").await;
    let connection = connection(&scene.provider.issuer, "nexo.test");
    let refused = clerk.post("/oidc-connections", connection).await.expect(StatusCode::FORBIDDEN);
    assert_eq!(refused["code"], "privilege-escalation");
    ana.get("/oidc-connections").await.expect(StatusCode::OK);
    scene.provider.stop().await;
}

#[tokio::test]
async fn an_issuer_that_cannot_be_one_is_refused() {
    let scene = Scene::set(Claims::IdToken).await;
    let gone = {
        let provider = Provider::start(Claims::IdToken).await;
        let issuer = provider.issuer.clone();
        provider.stop().await;
        issuer
    };
    for issuer in [
        "nonsense",
        "file:///etc/passwd",
        "http://login.acme.test",
        &scene.provider.issuer.replace("127.0.0.1", "localhost"), // not the provider's own name
        &format!("{}/elsewhere", scene.provider.issuer),
        &format!("{}?a=b", scene.provider.issuer),
        &scene.provider.issuer.replace("http://", "http://somebody@"),
        &gone,
    ] {
        let problem = connect(&scene.nexo, &scene.ana, issuer, "acme.test").await;
        let problem = problem.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], "/issuer", "{issuer}: {problem}");
    }
    for (field, value) in [("client_id", ""), ("client_secret", ""), ("domain", ""), ("issuer", "")] {
        let mut body = connection(&scene.provider.issuer, "acme.test");
        body[field] = Value::from(value);
        let problem = holder(&scene.nexo, &scene.ana).post("/oidc-connections", body).await;
        let problem = problem.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], format!("/{field}"));
    }
    scene.provider.stop().await;
}

/// Issuer URLs must not make the service send requests into its own network (SSRF).
#[tokio::test]
async fn an_address_of_our_own_network_is_never_asked() {
    let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = inside.local_addr().unwrap().port();
    let nexo = nexo_on(
        TestContext::new("nexo_auth").await,
        &[("NEXO_OIDC_REDIRECT_URL", REDIRECT), ("NEXO_OIDC_ALLOW_PRIVATE", "false")],
    )
    .await;
    let ana = registered(&nexo, "ana@acme.test", "Acme").await;
    for host in [
        "127.0.0.1",
        "localhost",
        "[::ffff:127.0.0.1]",
        "0x7f000001",
        "2130706433",
        "169.254.169.254",
        "10.0.0.1",
    ] {
        for scheme in ["http", "https"] {
            let problem = connect(&nexo, &ana, &format!("{scheme}://{host}:{port}"), "acme.test").await;
            let problem = problem.expect(StatusCode::UNPROCESSABLE_ENTITY);
            assert_eq!(problem["errors"][0]["pointer"], "/issuer", "{host}: {problem}");
        }
    }
    tokio::select! {
        biased;
        asked = inside.accept() => panic!("asked by {:?}", asked.unwrap().1),
        () = tokio::time::sleep(std::time::Duration::from_millis(200)) => {}
    }
}
