use std::collections::BTreeSet;

use http::{Method, StatusCode};
use utoipa::openapi::{OpenApi, path::Operation};
use uuid::Uuid;

use crate::{TestApp, TestUser};

/// Asserts that no documented operation accepts a request without token, permission or account, unless the
/// document says so. Returns the number of operations.
pub async fn assert_requires_auth(nexo: &TestApp, document: &OpenApi) -> usize {
    let (nobody, powerless) = (TestUser::nobody(&nexo.router), nexo.person("").await);
    let outside = nexo.person_without_account().await;
    let mut tried = 0;
    for (method, path, operation) in operations(document) {
        tried += 1;
        if is_public(operation) {
            continue;
        }
        let path = path.replace("{id}", &Uuid::now_v7().to_string());
        let answer = nobody.send_raw(method.clone(), &path, &[], "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}, without a token");
        let answer = outside.send_raw(method.clone(), &path, &[], "").await;
        if is_for_persons(operation) {
            let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status);
            assert!(!refused, "{method} {path} is for people without an account: {answer:?}");
        } else {
            assert_eq!(
                (answer.status, &answer.body["code"]),
                (StatusCode::FORBIDDEN, &"no-account".into()),
                "{method} {path}, with the token of a person without an account"
            );
        }
        if !is_for_everyone(operation) {
            let answer = powerless.send_raw(method.clone(), &path, &[], "").await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}, without a permission");
        }
    }
    tried
}

/// All operations of the document with method and path.
pub(crate) fn operations(document: &OpenApi) -> Vec<(Method, String, &Operation)> {
    let mut all = Vec::new();
    for (path, item) in &document.paths.paths {
        let methods = [
            (Method::GET, &item.get),
            (Method::POST, &item.post),
            (Method::PUT, &item.put),
            (Method::PATCH, &item.patch),
            (Method::DELETE, &item.delete),
        ];
        let there =
            methods.into_iter().filter_map(|(method, one)| Some((method, path.clone(), one.as_ref()?)));
        all.extend(there);
    }
    all
}

/// Whether the operation is public: `security(())` in the document.
pub(crate) fn is_public(operation: &Operation) -> bool {
    operation
        .security
        .as_ref()
        .is_some_and(|all| serde_json::to_value(all).unwrap() == serde_json::json!([{}]))
}

/// Whether the operation accepts the token of a person without an account.
pub(crate) fn is_for_persons(operation: &Operation) -> bool {
    let named = |all| serde_json::to_value(all).unwrap().to_string().contains("person_token");
    operation.security.as_ref().is_some_and(named)
}

/// Whether every authenticated caller may use the operation: own session, own notifications, and the schema, which shows
/// only what the caller has a permission for.
pub(crate) fn is_for_everyone(operation: &Operation) -> bool {
    let is_for_all = |tag: &String| ["auth", "notifications", "schema"].contains(&tag.as_str());
    operation.tags.as_ref().is_some_and(|tags| tags.iter().any(is_for_all))
}

/// Asserts that all references resolve, operation ids are unique, and path parameters are described.
pub fn assert_openapi_valid(document: &OpenApi) {
    let text = document.to_pretty_json().unwrap();
    let schemas = &document.components.as_ref().unwrap().schemas;
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is referred to and missing");
    }
    let names: Vec<_> =
        text.split("\"operationId\": \"").skip(1).map(|rest| rest.split('"').next()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "two operations share a name");
    let described = serde_json::to_value(document).unwrap();
    for (path, item) in described["paths"].as_object().unwrap() {
        for operation in ["get", "post", "patch", "delete"].into_iter().filter_map(|method| item.get(method))
        {
            let declared = format!("{}{}", item["parameters"], operation["parameters"]);
            assert!(
                !path.contains("{id}") || declared.contains(r#""name":"id""#),
                "{path} does not explain its id"
            );
        }
    }
}
