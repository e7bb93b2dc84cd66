use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Serialize;
use web::{Dependency, Health, Json};

use crate::{App, upstream::Service};

/// Health of the system and of its components.
#[derive(Debug, Serialize)]
struct GatewayHealth {
    status: &'static str,
    parts: BTreeMap<&'static str, Health>,
}

pub(crate) async fn live() -> Json<Health> {
    Json(Health::up())
}

/// Readiness of the gateway itself.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Response {
    let health = gateway(&app, database(&app).await);
    (status_of(health.status != "down"), Json(health)).into_response()
}

/// Health of the whole system.
pub(crate) async fn whole(State(app): State<Arc<App>>) -> Response {
    let (database, auth, crm) =
        tokio::join!(database(&app), service(&app, Service::Auth), service(&app, Service::Crm));
    let mut parts =
        BTreeMap::from([("database", database), (Service::Auth.name(), auth), (Service::Crm.name(), crm)]);
    if !beside(&app).is_empty() {
        parts.insert("api-gateway", gateway(&app, Health::up()));
    }
    let serves = parts.values().all(|part| part.status != "down");
    let all_up = parts.values().all(|part| part.status == "up");
    let status = if all_up {
        "up"
    } else if serves {
        "degraded"
    } else {
        "down"
    };
    (status_of(serves), Json(GatewayHealth { status, parts })).into_response()
}

async fn database(app: &App) -> Health {
    if app.db.ping().await.is_ok() { Health::up() } else { Health::down() }
}

/// Health of the gateway with its optional dependencies.
fn gateway(app: &App, health: Health) -> Health {
    let beside = beside(app);
    if health.status == "up" { Health::with_dependency(&beside) } else { health }
}

fn beside(app: &App) -> Vec<Dependency> {
    let revocation = app.revocations.failures().map(|troubles| Dependency::new("revocation", troubles));
    app.limits.beside().into_iter().chain(revocation).collect()
}

async fn service(app: &App, service: Service) -> Health {
    let said = app.upstreams.ask(service, "/health/ready").await;
    said.and_then(|said| serde_json::from_slice(&said).ok()).unwrap_or_else(Health::down)
}

fn status_of(up: bool) -> StatusCode {
    if up { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
