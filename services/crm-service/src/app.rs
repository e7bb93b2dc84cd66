use axum::extract::FromRef;
use db::Db;
use identity::Verifier;

/// State shared by all handlers.
#[derive(Clone, FromRef)]
pub struct App {
    /// Connection pool of the database.
    pub db: Db,
    /// Verifies the access tokens of requests.
    pub verifier: Verifier,
}
