//! Headers and bodies of rejections.

use http::{Method, StatusCode};
use serde_json::json;
use testkit::TestUser;

use crate::{browsers::in_front_of_crm, in_front_of_echo, send};

#[tokio::test]
async fn a_method_that_is_not_taken_is_405_and_the_answer_says_which_are() {
    let nexo = in_front_of_crm().await;
    let (ana, nobody) = (nexo.person("client:read").await, TestUser::nobody(&nexo.router));
    let passed_on = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
    for (person, method, path, allowed) in [
        (&ana, Method::TRACE, "/api/v1/clients", passed_on),
        (&nobody, Method::TRACE, "/api/v1/auth/login", passed_on),
        (&nobody, Method::GET, "/api/v1/auth/login", "POST"),
        (&ana, Method::DELETE, "/api/v1/auth/login", "POST"),
        (&nobody, Method::PUT, "/api/v1/auth/invitations/accept", "POST"),
        (&nobody, Method::DELETE, "/.well-known/jwks.json", "GET, HEAD"),
        (&ana, Method::DELETE, "/api/v1/clients", "GET,HEAD,POST"),
        (&nobody, Method::POST, "/api/health", "GET,HEAD"),
        (&nobody, Method::POST, "/api/openapi.json", "GET,HEAD"),
    ] {
        let answer = send(person, method.clone(), path, &[]).await;
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
        assert_eq!(
            answer.body["request_id"],
            json!(answer.header("x-request-id").unwrap()),
            "{method} {path}"
        );
        assert_eq!(answer.expect(StatusCode::METHOD_NOT_ALLOWED)["code"], "method-not-allowed");
    }
}

#[tokio::test]
async fn a_path_that_is_too_long_is_a_problem_with_its_id() {
    let nexo = in_front_of_echo().await;
    let answer =
        send(&TestUser::nobody(&nexo.router), Method::GET, &format!("/{}", "x".repeat(9000)), &[]).await;
    assert_eq!(answer.body["request_id"], json!(answer.header("x-request-id").unwrap()));
    assert_eq!(answer.expect(StatusCode::URI_TOO_LONG)["code"], "path-too-long");
}

#[tokio::test]
async fn a_coded_body_goes_no_further() {
    let ana = in_front_of_echo().await.person("").await;
    for (method, path) in [
        (Method::POST, "/api/v1/clients"),
        (Method::PATCH, "/api/v1/clients/1"),
        (Method::POST, "/api/v1/imports"),
    ] {
        let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
        let refused = ana.send_raw(method, path, &headers, "{}").await;
        assert_eq!(refused.header("accept-encoding"), Some("identity"), "{path}");
        assert_eq!(
            refused.expect(StatusCode::UNSUPPORTED_MEDIA_TYPE)["code"],
            "unsupported-content-encoding"
        );
    }
}

#[tokio::test]
async fn a_clients_own_request_id_is_kept_beside_ours() {
    let nexo = in_front_of_echo().await;
    let ana = nexo.person("").await;
    let own = "01890b0a-5d3c-7000-8000-0123456789ab";
    let answer = send(&ana, Method::GET, "/api/v1/clients", &[("x-request-id", own)]).await;
    let ours = answer.header("x-request-id").unwrap().to_owned();
    assert_ne!(ours, own);
    assert_eq!(answer.header("x-client-request-id"), Some(own));
    assert_eq!(answer.expect(StatusCode::OK)["headers"]["x-request-id"], json!(ours), "a service hears ours");
    let trace = send(&ana, Method::TRACE, "/", &[("x-request-id", "trace-42")]).await;
    assert_eq!(trace.header("x-client-request-id"), Some("trace-42"), "refusals tell it as well");
}
