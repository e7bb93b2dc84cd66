//! API keys at the gateway, with an auth-service that counts exchanges and a service that accepts tokens only.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{Extension, Router, body::Body, response::IntoResponse, routing::post};
use http::{HeaderMap, Method, StatusCode, header::AUTHORIZATION};
use identity::ApiKey;
use kernel::{AccountId, SessionId};
use serde_json::json;
use testkit::{TestApp, TestResponse, TestUser};
use tokio::net::TcpListener;

use crate::gateway;

/// State of the two services behind the gateway.
#[derive(Clone, Default)]
pub(crate) struct Behind {
    exchanges: Arc<AtomicUsize>,
    /// Number of requests that reached the service, with any token.
    reached: Arc<AtomicUsize>,
    /// Tokens of exchanges before this number are rejected by the service.
    good_since: Arc<AtomicUsize>,
}

fn bearer(headers: &HeaderMap) -> &str {
    headers[AUTHORIZATION].to_str().unwrap().strip_prefix("Bearer ").unwrap()
}

/// Exchange endpoint: slow enough that concurrent requests arrive during the first exchange; rejects keys of the
/// nil account.
async fn token(Extension(behind): Extension<Behind>, headers: HeaderMap) -> impl IntoResponse {
    tokio::time::sleep(Duration::from_millis(50)).await;
    let exchange = behind.exchanges.fetch_add(1, SeqCst) + 1;
    let key = ApiKey::read(bearer(&headers)).unwrap();
    let good = key.account != uuid::Uuid::nil().into();
    let answer = json!({ "access_token": exchange.to_string(), "expires_in": 600 });
    (if good { StatusCode::OK } else { StatusCode::UNAUTHORIZED }, answer.to_string())
}

async fn service(Extension(behind): Extension<Behind>, headers: HeaderMap) -> impl IntoResponse {
    behind.reached.fetch_add(1, SeqCst);
    let token: Option<usize> = bearer(&headers).parse().ok();
    match token.filter(|token| *token >= behind.good_since.load(SeqCst)) {
        Some(token) => (StatusCode::OK, json!({ "token": token }).to_string()),
        None => (StatusCode::UNAUTHORIZED, json!({ "code": "unauthenticated" }).to_string()),
    }
}

impl Behind {
    fn counted(&self) -> (usize, usize) {
        (self.exchanges.load(SeqCst), self.reached.load(SeqCst))
    }

    pub(crate) async fn gateway(&self) -> TestApp {
        let router = Router::new().route("/api/v1/auth/token", post(token)).fallback(service);
        let router = router.layer(Extension(self.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        gateway(&address, &address).await
    }
}

fn program(nexo: &TestApp, account: AccountId) -> TestUser {
    TestUser { token: ApiKey::generate(account, SessionId::new()).text, ..TestUser::nobody(&nexo.router) }
}

async fn get(program: &TestUser) -> TestResponse {
    program.get("/clients").await
}

#[tokio::test]
async fn a_key_is_exchanged_once_for_fifty_first_requests_and_no_service_sees_it() {
    let behind = Behind::default();
    let (nexo, account) = (behind.gateway().await, AccountId::new());
    let on_a_plan = format!(
        "insert into app.account_directory (account_id, slug, plan) values ('{account}', 'a', 'pro')"
    );
    nexo.ground.database.run(&on_a_plan).await; // allows fifty concurrent requests
    let program = program(&nexo, account);
    let all = futures::future::join_all((0..50).map(|_| get(&program))).await;
    for answer in all {
        assert_eq!(answer.expect(StatusCode::OK)["token"], 1);
    }
    assert_eq!(behind.counted(), (1, 50));
}

#[tokio::test]
async fn a_key_that_is_no_good_goes_no_further() {
    let behind = Behind::default();
    let nexo = behind.gateway().await;
    let unknown = program(&nexo, uuid::Uuid::nil().into());
    for _ in 0..3 {
        let answer = get(&unknown).await;
        assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
        assert_eq!(answer.expect(StatusCode::UNAUTHORIZED)["code"], "unauthenticated");
    }
    let nonsense = TestUser { token: "nxk_nonsense".to_owned(), ..unknown };
    assert_eq!(get(&nonsense).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(behind.counted(), (1, 0), "a refusal is remembered for moments");
}

#[tokio::test]
async fn a_token_that_a_service_refuses_is_got_anew_and_the_request_sent_again_where_it_can_be() {
    let behind = Behind::default();
    let program = program(&behind.gateway().await, AccountId::new());
    assert_eq!(get(&program).await.expect(StatusCode::OK)["token"], 1);
    behind.good_since.store(2, SeqCst);
    assert_eq!(get(&program).await.expect(StatusCode::OK)["token"], 2);
    assert_eq!(behind.counted(), (2, 3));

    behind.good_since.store(3, SeqCst);
    let created = program.post("/clients", json!({})).await;
    assert_eq!(created.status, StatusCode::UNAUTHORIZED, "nobody writes twice in another's name");
    assert_eq!(program.post("/clients", json!({})).await.expect(StatusCode::OK)["token"], 3);

    behind.good_since.store(4, SeqCst);
    let streamed = Body::from_stream(futures::stream::iter([Ok::<_, std::io::Error>("x")]));
    let put = program.send_raw(Method::PUT, "/api/v1/clients/1", &[], streamed).await;
    assert_eq!(put.status, StatusCode::UNAUTHORIZED, "its body is gone");

    behind.good_since.store(100, SeqCst);
    get(&program).await.expect(StatusCode::UNAUTHORIZED);
    let (exchanges, reached) = behind.counted();
    get(&program).await.expect(StatusCode::UNAUTHORIZED);
    assert!(
        behind.counted().0 - exchanges <= 1 && behind.counted().1 - reached <= 2,
        "once more, and no more"
    );
}

#[tokio::test]
async fn without_the_auth_service_a_key_may_be_tried_later() {
    let nexo = gateway("http://127.0.0.1:9", "http://127.0.0.1:9").await;
    let answer = get(&program(&nexo, AccountId::new())).await;
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.expect(StatusCode::SERVICE_UNAVAILABLE)["code"], "unavailable");
}

#[tokio::test]
async fn an_exchange_that_is_asked_for_gets_the_key_itself() {
    let behind = Behind::default();
    let program = program(&behind.gateway().await, AccountId::new());
    let token = program.send_raw(Method::POST, "/api/v1/auth/token", &[], "").await;
    assert_eq!(token.status, StatusCode::OK);
    assert_eq!(behind.counted(), (1, 0));
}
