use http::{Method, StatusCode};
use serde_json::Value;
use utoipa::openapi::OpenApi;
use uuid::Uuid;

use crate::{TestApp, TestResponse, TestUser, requires_auth::operations};

/// Asserts that every operation rejects content codings and unsupported media types, and announces what it accepts.
/// Also asserts that every path announces its methods on a 405. Returns the number of operations.
pub async fn assert_bodies_checked(nexo: &TestApp, document: &OpenApi) -> usize {
    let ana = nexo.person("*:*").await;
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (method, path, operation) in operations(document) {
        tried += 1;
        // Required query parameters of an import; no other operation has required ones besides its body.
        let at =
            format!("{}?resource=clients&file_name=a", path.replace("{id}", &Uuid::now_v7().to_string()));
        let mut judge = |what: &str, is_right: bool, answer: &TestResponse| {
            if !is_right {
                wrong.push(format!("{method} {path} {what}: {} {:?}", answer.status, answer.body));
            }
        };
        let coded = send(&ana, method.clone(), &at, &[JSON, ("content-encoding", "gzip")]).await;
        judge("is coded", is_415(&coded) && coded.header("accept-encoding") == Some("identity"), &coded);
        if operation.request_body.is_some() {
            let unknown = send(&ana, method.clone(), &at, &[("content-type", "text/x-unknown")]).await;
            let names = unknown.header("accept").unwrap_or_default().to_owned();
            let as_patch = (method == Method::PATCH).then_some(&*names);
            let is_right =
                is_415(&unknown) && !names.is_empty() && unknown.header("accept-patch") == as_patch;
            judge("is of an unknown kind", is_right, &unknown);
        }
        let other = send(&ana, Method::TRACE, &at, &[]).await;
        let allowed = other.header("allow").unwrap_or_default().to_owned();
        let is_right = other.status == StatusCode::METHOD_NOT_ALLOWED && allowed.contains(method.as_str());
        judge("is not allowed", is_right && is_a_problem(&other), &other);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    tried
}

const JSON: (&str, &str) = ("content-type", "application/json");

async fn send(ana: &TestUser, method: Method, path: &str, headers: &[(&str, &str)]) -> TestResponse {
    ana.send_raw(method, path, &[headers, &[("if-match", "\"1\"")]].concat(), "{}").await
}

fn is_415(answer: &TestResponse) -> bool {
    answer.status == StatusCode::UNSUPPORTED_MEDIA_TYPE && is_a_problem(answer)
}

fn is_a_problem(answer: &TestResponse) -> bool {
    let id = answer.header("x-request-id").map(|id| Value::String(id.to_owned()));
    answer.header("content-type") == Some("application/problem+json")
        && answer.body.get("request_id") == id.as_ref()
}
