use http::{Method, StatusCode};
use serde_json::Value;
use utoipa::openapi::OpenApi;
use uuid::Uuid;

use crate::{Answer, Nexo, Person, closed::operations};

/// Every operation refuses a body that is coded, and one of a kind that it does not take, and says what it takes; every path
/// says which methods it takes when it is asked with another. Returns how many operations were tried.
pub async fn bodies_are_judged(nexo: &Nexo, document: &OpenApi) -> usize {
    let ana = nexo.person("*:*").await;
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (method, path, operation) in operations(document) {
        tried += 1;
        // What an import needs of its query: nothing else has a parameter that must be there beside its body.
        let at =
            format!("{}?resource=clients&file_name=a", path.replace("{id}", &Uuid::now_v7().to_string()));
        let mut judge = |what: &str, is_right: bool, answer: &Answer| {
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

async fn send(ana: &Person, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    ana.send_raw(method, path, &[headers, &[("if-match", "\"1\"")]].concat(), "{}").await
}

fn is_415(answer: &Answer) -> bool {
    answer.status == StatusCode::UNSUPPORTED_MEDIA_TYPE && is_a_problem(answer)
}

fn is_a_problem(answer: &Answer) -> bool {
    let id = answer.header("x-request-id").map(|id| Value::String(id.to_owned()));
    answer.header("content-type") == Some("application/problem+json")
        && answer.body.get("request_id") == id.as_ref()
}
