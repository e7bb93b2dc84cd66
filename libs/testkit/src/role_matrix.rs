use std::fmt::Write as _;

use http::{Method, StatusCode};
use identity::STANDARD_ROLES;
use utoipa::openapi::OpenApi;
use uuid::Uuid;

use crate::{
    TestApp,
    requires_auth::{is_for_everyone, is_public, operations},
};

/// Table of the standard roles and the operations that they may call: `x` if the response is not 403. Each call
/// has a new user, so that earlier calls have no effect.
pub async fn role_matrix(nexo: &TestApp, document: &OpenApi) -> String {
    let mut table = format!("{:60}", "");
    for role in STANDARD_ROLES {
        let _ = write!(table, " {:8}", role.name);
    }
    table.truncate(table.trim_end().len());
    for (method, path, operation) in operations(document) {
        let mut line = format!("{:60}", format!("{method} {path}"));
        if is_public(operation) {
            line.push_str(" nobody in particular");
        } else if is_for_everyone(operation) {
            line.push_str(" everybody with a token");
        } else {
            for role in STANDARD_ROLES {
                let may = may(nexo, &method, &path, role.permissions).await;
                let _ = write!(line, " {:8}", if may { "x" } else { "" });
            }
        }
        let _ = write!(table, "\n{}", line.trim_end());
    }
    table
}

async fn may(nexo: &TestApp, method: &Method, path: &str, permissions: &[&str]) -> bool {
    let somebody = nexo.person(&permissions.join(" ")).await;
    let path = path.replace("{id}", &Uuid::now_v7().to_string());
    let answer = somebody.send_raw(method.clone(), &path, &[], "").await;
    assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
    answer.status != StatusCode::FORBIDDEN
}
