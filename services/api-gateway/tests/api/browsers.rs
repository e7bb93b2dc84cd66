//! Responses for browsers: security headers, CORS, conditional requests and compression.

use std::io::Read as _;

use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use kernel::Env;
use serde_json::json;
use testkit::{TestApp, TestContext, TestUser};
use tower::ServiceExt as _;
use web::Proxies;

use crate::{echo, gateway, gateway_on, in_front_of_echo, send};

const ALL: [(&str, &str); 7] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("strict-transport-security", "max-age=60"),
];

#[tokio::test]
async fn every_answer_tells_browsers_what_not_to_do() {
    let echo = echo().await;
    let settings =
        [("NEXO_AUTH_URL", "http://127.0.0.1:9"), ("NEXO_CRM_URL", &echo), ("NEXO_HSTS", "max-age=60")];
    let nexo = gateway_on(TestContext::new("nexo_app").await, &settings);
    let (ana, nobody) = (nexo.person("").await, TestUser::nobody(&nexo.router));
    let asked = [
        (&ana, Method::GET, "/api/v1/clients", StatusCode::OK),
        (&nobody, Method::GET, "/nowhere", StatusCode::NOT_FOUND),
        (&nobody, Method::GET, "/api/v1/clients", StatusCode::UNAUTHORIZED),
        (&ana, Method::TRACE, "/api/v1/clients", StatusCode::METHOD_NOT_ALLOWED),
        (&ana, Method::GET, "/api/v1/drop", StatusCode::BAD_GATEWAY),
        (&ana, Method::GET, "/api/v1/slow", StatusCode::GATEWAY_TIMEOUT),
        (&ana, Method::GET, "/api/v1/members", StatusCode::SERVICE_UNAVAILABLE),
        (&nobody, Method::OPTIONS, "/api/v1/clients", StatusCode::OK),
        (&nobody, Method::GET, "/docs/", StatusCode::OK),
    ];
    for (person, method, path, status) in asked {
        let preflight = [("origin", "https://app.acme.test"), ("access-control-request-method", "GET")];
        let answer = send(person, method, path, &preflight).await;
        assert_eq!(answer.status, status, "{path}");
        for (name, value) in ALL {
            let told: Vec<_> = answer.headers.get_all(name).iter().collect();
            assert_eq!(told, [value], "{name} of {path}");
        }
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert_eq!(policy.contains("script-src"), path.starts_with("/docs"), "{path}");
        assert!(answer.header("x-request-id").is_some(), "{path}");
    }
}

#[tokio::test]
async fn without_tls_in_front_no_hsts_header_is_sent() {
    let answer = send(&TestUser::nobody(&in_front_of_echo().await.router), Method::GET, "/", &[]).await;
    assert_eq!(answer.header("strict-transport-security"), None);
}

/// Loads a path like a page does.
async fn load(nexo: &TestApp, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
    let request =
        headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    let answer = nexo.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    (parts.status, parts.headers, axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec())
}

#[tokio::test]
async fn the_page_of_the_documents_loads_what_its_policy_lets_it() {
    let nexo = in_front_of_echo().await;
    let (status, headers, page) = load(&nexo, "/docs/", &[]).await;
    assert_eq!(
        (status, headers["content-type"].to_str().unwrap()),
        (StatusCode::OK, "text/html; charset=utf-8")
    );
    let page = String::from_utf8(page).unwrap();
    assert!(
        !page.contains("<style") && !page.contains("://"),
        "nothing inline, nothing from elsewhere: {page}"
    );
    let scripts: Vec<_> = page.split("<script").skip(1).collect();
    assert!(scripts.iter().all(|script| script.starts_with(" src=\"./")), "{page}");
    let own = page
        .split(['"', '\''])
        .filter_map(|text| text.strip_prefix("./").or((text == "index.css").then_some(text)));
    let own: Vec<_> = own.collect();
    assert!(own.len() >= 6, "{own:?}");
    for file in own {
        let (status, headers, _) = load(&nexo, &format!("/docs/{file}"), &[]).await;
        assert_eq!(status, StatusCode::OK, "{file}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let kind = headers["content-type"].to_str().unwrap();
        assert!(["text/css", "text/javascript", "image/png"].contains(&kind), "{file} is {kind}");
    }
    let (_, _, start) = load(&nexo, "/docs/swagger-initializer.js", &[]).await;
    let start = String::from_utf8(start).unwrap();
    assert!(
        start.contains("\"/api/openapi.json\"") && start.contains("\"validatorUrl\": \"none\""),
        "{start}"
    );
}

#[tokio::test]
async fn a_file_of_the_page_is_sent_again_only_if_it_has_changed() {
    let nexo = in_front_of_echo().await;
    for file in ["/docs/", "/docs/swagger-ui-bundle.js", "/docs/swagger-initializer.js"] {
        let (_, headers, _) = load(&nexo, file, &[]).await;
        assert_eq!(headers["cache-control"], "no-cache", "{file}");
        let seen = headers["etag"].to_str().unwrap();
        let (status, _, body) = load(&nexo, file, &[("if-none-match", seen)]).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{file}");
    }
    assert_eq!(load(&nexo, "/docs/nothing.js", &[]).await.0, StatusCode::NOT_FOUND);
}

/// An operation that the start script does not name would be shown after all others.
#[tokio::test]
async fn the_start_script_orders_all_operations_of_auth() {
    let (_, _, script) = load(&in_front_of_echo().await, "/docs/swagger-initializer.js", &[]).await;
    let script = String::from_utf8(script).unwrap();
    let (_, list) = script.split_once("const DAY = [").unwrap();
    let mut ordered: Vec<&str> = list.split_once(']').unwrap().0.split('"').skip(1).step_by(2).collect();
    let document = serde_json::to_value(auth_service::document()).unwrap();
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|path| path.as_object().unwrap().values());
    let mut of_auth: Vec<&str> = operations
        .filter(|operation| operation["tags"][0] == "auth")
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    ordered.sort_unstable();
    of_auth.sort_unstable();
    assert_eq!(ordered, of_auth);
}

#[tokio::test]
async fn only_pages_of_known_origins_may_call() {
    let nobody = TestUser::nobody(&in_front_of_echo().await.router);
    let asked = |origin: &'static str| {
        let nobody = nobody.clone();
        async move {
            let headers = [("origin", origin), ("access-control-request-method", "PATCH")];
            send(&nobody, Method::OPTIONS, "/api/v1/clients", &headers).await
        }
    };
    let known = asked("https://app.acme.test").await;
    assert_eq!(known.header("access-control-allow-origin"), Some("https://app.acme.test"));
    assert_eq!(known.header("access-control-allow-credentials"), None);
    for origin in ["https://evil.test", "https://app.acme.test.evil.test", "http://app.acme.test", "null"] {
        assert_eq!(asked(origin).await.header("access-control-allow-origin"), None, "{origin}");
    }
    let problem = send(&nobody, Method::GET, "/nowhere", &[("origin", "https://app.acme.test")]).await;
    assert_eq!(problem.header("access-control-allow-origin"), Some("https://app.acme.test"));
    let told = problem.header("access-control-expose-headers").unwrap();
    for name in [
        "etag",
        "link",
        "idempotent-replayed",
        "ratelimit-remaining",
        "retry-after",
        "x-request-id",
        "x-client-request-id",
    ] {
        assert!(told.split(',').any(|one| one == name), "{name} is not in {told}");
    }
}

#[tokio::test]
async fn by_default_no_page_may_call_and_with_a_star_none_with_credentials() {
    let ground = TestContext::new("nexo_app").await;
    for (origins, allowed) in [("", None), ("*", Some("*"))] {
        let nexo = gateway_on(ground.clone(), &[("NEXO_CORS_ORIGINS", origins)]);
        let answer =
            send(&TestUser::nobody(&nexo.router), Method::GET, "/", &[("origin", "https://a.test")]).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
}

/// A gateway in front of a real crm-service.
pub(crate) async fn in_front_of_crm() -> TestApp {
    let ground = TestContext::new("nexo_app").await;
    let app = crm_service::App { db: ground.db.clone(), verifier: ground.verifier.clone() };
    let listener = web::Listener::bind("NEXO_GATEWAY_LISTEN", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = format!("http://{}", listener.address().unwrap());
    let mut gateways = Env::from_values([("NEXO_TRUSTED_PROXIES".to_owned(), "127.0.0.1".to_owned())]);
    let service = crm_service::router_with_dependencies(app, Vec::new(), Proxies::read(&mut gateways)).0;
    tokio::spawn(web::serve(listener, service, std::future::pending()));
    gateway_on(
        ground,
        &[
            ("NEXO_CRM_URL", &address),
            ("NEXO_AUTH_URL", &address),
            ("NEXO_UPSTREAM_TIMEOUT_SECONDS", "10"),
            ("NEXO_CIRCUIT_BREAKER_FAILURES", "1"),
        ],
    )
}

#[tokio::test]
async fn what_a_client_has_already_is_not_sent_again() {
    let nexo = in_front_of_crm().await;
    let ana = nexo.person("client:read client:write").await;
    let client =
        ana.post("/clients", json!({ "name": "Acme", "status": "active" })).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/clients/{}", client["id"].as_str().unwrap());
    let first = send(&ana, Method::GET, &path, &[]).await;
    let tag = first.header("etag").unwrap().to_owned();
    let again = send(&ana, Method::GET, &path, &[("if-none-match", &tag)]).await;
    assert_eq!((again.status, again.header("etag")), (StatusCode::NOT_MODIFIED, Some(tag.as_str())));
    assert!(again.body.is_null());
    ana.patch(path.strip_prefix("/api/v1").unwrap(), &client, json!({ "name": "Acme 2" }))
        .await
        .expect(StatusCode::OK);
    let changed = send(&ana, Method::GET, &path, &[("if-none-match", &tag)]).await;
    assert_eq!(changed.expect(StatusCode::OK)["name"], "Acme 2");
    let stranger = nexo.person("client:read").await;
    let theirs = send(&stranger, Method::GET, &path, &[("if-none-match", "*")]).await;
    assert_eq!(theirs.status, StatusCode::NOT_FOUND, "a tag tells nobody what is there");

    let (_, headers, _) = load(&nexo, "/api/openapi.json", &[]).await;
    let tag = headers["etag"].to_str().unwrap();
    let (status, headers, body) = load(&nexo, "/api/openapi.json", &[("if-none-match", tag)]).await;
    assert_eq!((status, headers["etag"].to_str().unwrap(), body.len()), (StatusCode::NOT_MODIFIED, tag, 0));
}

#[tokio::test]
async fn large_texts_are_compressed_but_no_credentials() {
    let nexo = in_front_of_crm().await;
    let takes = [("accept-encoding", "gzip, br")];
    let (_, headers, body) = load(&nexo, "/api/openapi.json", &takes).await;
    assert_eq!(
        (&headers["content-encoding"], &headers["vary"]),
        (&"gzip".parse().unwrap(), &"accept-encoding".parse().unwrap())
    );
    let (_, plain, whole) = load(&nexo, "/api/openapi.json", &[]).await;
    assert_eq!(plain.get("content-encoding"), None);
    assert!(body.len() * 4 < whole.len(), "{} of {}", body.len(), whole.len());
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&*body).read_to_end(&mut text).unwrap();
    assert!(text == whole);
    let (_, small, _) = load(&nexo, "/health/live", &takes).await;
    assert_eq!(small.get("content-encoding"), None, "it would only grow");

    let echo = echo().await;
    let ana = gateway(&echo, &echo).await.person("").await;
    let (long, headers) = ("x".repeat(3000), takes);
    for (path, compressed) in [("clients", Some("gzip")), ("auth/me", None), ("api-keys", None)] {
        let headers = [headers[0], ("x-long", &long)];
        let answer = send(&ana, Method::GET, &format!("/api/v1/{path}"), &headers).await;
        assert_eq!(answer.header("content-encoding"), compressed, "{path}");
    }
}

/// The work is done by then: a 406 would deny it.
#[tokio::test]
async fn no_accept_encoding_takes_the_place_of_an_answer() {
    let (nexo, echo) = (in_front_of_crm().await, in_front_of_echo().await);
    let ana = nexo.person("client:read client:write client:delete").await;
    for encoding in ["identity;q=0", "*;q=0", "br, *;q=0", "gzip;q=0, identity;q=0", ";;q=,\"", "gzip;q=nan"]
    {
        let headers = [("content-type", "application/json"), ("accept-encoding", encoding)];
        let made = ana.send_raw(Method::POST, "/api/v1/clients", &headers, r#"{"name":"Acme"}"#).await;
        assert_eq!(made.header("content-encoding"), None, "{encoding}");
        let client = made.expect(StatusCode::CREATED);
        let one = format!("/api/v1/clients/{}", client["id"].as_str().unwrap());
        let stale = [("if-match", "\"9\""), ("accept-encoding", encoding)];
        for (person, method, path, status) in [
            (&ana, Method::DELETE, &*one, StatusCode::PRECONDITION_FAILED),
            (&ana, Method::GET, &one, StatusCode::OK),
            (&ana, Method::GET, "/nowhere", StatusCode::NOT_FOUND),
            (&ana, Method::GET, "/api/openapi.json", StatusCode::OK),
            (&TestUser::nobody(&echo.router), Method::POST, "/api/v1/auth/login", StatusCode::OK),
        ] {
            let answer = send(person, method.clone(), path, &stale).await;
            assert_eq!(
                (answer.status, answer.header("content-encoding")),
                (status, None),
                "{method} {path} {encoding}"
            );
        }
    }
}
