//! Tokens of persons without an account.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{in_front_of_echo, send};

/// All operations of both services, and whether the document allows the person's token, or is public.
fn operations() -> Vec<(Method, String, bool)> {
    let documents = [auth_service::api().split_for_parts().1, crm_service::api().split_for_parts().1];
    let mut all = Vec::new();
    for document in documents {
        let document = serde_json::to_value(document).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
                let path = path.replace("{id}", "01890b0a-5d3c-7000-8000-0123456789ab");
                all.push((method, path, is_open(&operation["security"])));
            }
        }
    }
    all
}

fn is_open(security: &Value) -> bool {
    let mut named = security.as_array().into_iter().flatten();
    named.any(|one| one.get("person_token").is_some() || *one == json!({}))
}

#[tokio::test]
async fn the_token_of_a_person_goes_no_further_than_the_document_says() {
    let nexo = in_front_of_echo().await;
    let mut outside = nexo.person_without_account().await;
    let (mut open, mut tried) = (0, 0);
    for (method, path, is_open) in operations() {
        if tried % 50 == 49 {
            outside = nexo.person_without_account().await; // a new person with unused rate limits
        }
        let answer = send(&outside, method.clone(), &path, &[]).await;
        (open, tried) = (open + usize::from(is_open), tried + 1);
        if is_open {
            assert_eq!(answer.status, StatusCode::OK, "{method} {path}");
        } else {
            let problem = answer.expect(StatusCode::FORBIDDEN);
            assert_eq!(problem["code"], "no-account", "{method} {path}");
        }
    }
    let limits = send(&outside, Method::GET, "/api/rate-limit", &[]).await;
    assert_eq!(limits.expect(StatusCode::FORBIDDEN)["code"], "no-account");
    assert!(open > 10 && tried > 200, "{open} of {tried} operations are open");
}
