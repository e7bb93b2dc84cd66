//! Two demo accounts, created by the regular operations.

use anyhow::Context as _;
use auth_service::{NewOwner, create_owner_account};
use axum::{Router, body::Body};
use http::{Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Credentials of a demo user.
pub(crate) struct Login {
    pub(crate) account: &'static str,
    pub(crate) email: &'static str,
    pub(crate) password: &'static str,
}

const LOGINS: &[Login] = &[
    Login { account: "Acme Tools", email: "ana@acme.example", password: "demo-lantern-orbit" },
    Login { account: "Borealis Foods", email: "ben@borealis.example", password: "demo-lantern-orbit" },
];

/// Creates missing demo accounts with their clients.
pub(crate) async fn fill(auth: auth_service::App, crm: &Router) -> anyhow::Result<Vec<Login>> {
    let router = auth_service::router(auth.clone()).0;
    let mut logins = Vec::new();
    for Login { account, email, password } in LOGINS {
        let founder = NewOwner {
            email: (*email).to_owned(),
            display_name: (*email).to_owned(),
            account_name: (*account).to_owned(),
            password: (*password).into(),
        };
        if create_owner_account(&auth, founder).await?.is_some() {
            let login = json!({ "email": email, "password": password });
            let (_, tokens) = post(&router, "/api/v1/auth/login", None, &login).await?;
            let token =
                tokens.get("access_token").and_then(Value::as_str).context("a login gives a token")?;
            for client in clients(account) {
                let (status, answer) = post(crm, "/api/v1/clients", Some(token), &client).await?;
                anyhow::ensure!(status == StatusCode::CREATED, "a sample client was refused: {answer}");
            }
        }
        logins.push(Login { account, email, password });
    }
    Ok(logins)
}

fn clients(account: &str) -> Vec<Value> {
    let samples: &[(&str, &str, &str, i32, &str)] = match account {
        "Acme Tools" => &[
            ("Ferretería Sol", "Málaga", "Spain", 5, "active"),
            ("Nordwerk GmbH", "Hamburg", "Germany", 4, "active"),
            ("Atelier Blanc", "Lyon", "France", 3, "lead"),
        ],
        _ => &[
            ("Café Aurora", "Oslo", "Norway", 5, "active"),
            ("Deli & Co", "Leeds", "United Kingdom", 2, "inactive"),
        ],
    };
    let client = |(name, city, country, rating, status): &(&str, &str, &str, i32, &str)| json!({ "name": name, "billing_city": city, "billing_country": country, "rating": rating, "status": status });
    samples.iter().map(client).collect()
}

/// Sends a request to a service in this process.
pub(crate) async fn post(
    service: &Router,
    path: &str,
    token: Option<&str>,
    body: &Value,
) -> anyhow::Result<(StatusCode, Value)> {
    let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let answer = service.clone().oneshot(request.body(Body::from(body.to_string()))?).await?;
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, 1024 * 1024).await?;
    Ok((parts.status, serde_json::from_slice(&body)?))
}
