//! Accounts, the people in them, and their sessions. Only this service reads password hashes and issues access tokens;
//! others verify them with its public keys.
//!
//! * [`Config`] reads the settings, and makes the [`App`] with which all handlers work.
//! * [`api`] is the table of all operations; [`router`] serves them with their API document.
//! * [`consumers`] are the event consumers of this service.
//!
//! ```
//! use auth_service::{Config, ConfigError};
//! use kernel::Clock;
//!
//! async fn service(config: &Config, db: db::Db) -> Result<axum::Router, ConfigError> {
//!     let app = config.app(db, &config.revocation.start(), &Clock::system()).await?;
//!     let (router, _document) = auth_service::router(app);
//!     Ok(router)
//! }
//! ```

mod accounts;
mod api_keys;
mod app;
mod config;
mod device;
mod email;
mod email_token;
mod factor;
mod failed_logins;
mod hashing;
mod invitations;
mod keys;
mod login;
mod mail;
mod me;
mod members;
mod oidc;
mod oidc_connections;
mod oidc_login;
mod otp;
mod password;
mod quota;
mod refusal;
mod rights;
mod roles;
mod security_events;
mod sessions;
mod signup;
mod slug;
mod step_up;
pub mod teams;
mod throttle;
mod user_accounts;
mod users;
mod validators;

use std::sync::Arc;

use axum::{Router, routing::get};
use events::Consumer;
use utoipa::{OpenApi as _, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Dependency, ServiceOptions};

pub use app::App;
pub use config::{Config, ConfigError};
pub use failed_logins::FailedLogins;
pub use keys::{Keys, KeysError};
pub use mail::{MailError, Mailer};
pub use oidc::Oidc;
pub use otp::Factors;
pub use quota::SendingQuotas;
pub use refusal::AuthRefusal;
pub use signup::create_owner::{NewOwner, create_owner_account};
pub use throttle::{Throttle, network};

/// The schemas that the responses refer to.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(
    sessions::TokenPair,
    sessions::person::PersonToken,
    sessions::list::Sessions,
    sessions::logout::LogoutRequest,
    login::LoginResponse,
    factor::show::SecondFactor,
    factor::begin::SecondFactorEnrollment,
    otp::recovery::RecoveryCodes,
    email_token::EmailSent,
    me::CurrentUser,
    accounts::Account,
    accounts::AccountMembershipList,
    api_keys::ApiKeys,
    api_keys::CreatedApiKey,
    api_keys::ApiKeyToken,
    invitations::Invitations,
    invitations::MyInvitations,
    security_events::SecurityEvents,
    members::Members,
    members::KnownMember,
    members::MemberRights,
    roles::PermissionCatalog,
    accounts::AccountPatch,
    teams::TeamMembers,
    oidc_login::start::OidcAuthorization,
    oidc_connections::list::OidcConnection,
    oidc_connections::list::OidcConnectionList,
    web::Problem
)))]
struct Schemas;

/// All operations of this service, with their documentation.
#[must_use]
pub fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Schemas::openapi())
        .routes(routes!(login::login))
        .routes(routes!(sessions::refresh::refresh_session))
        .routes(routes!(sessions::logout::logout))
        .routes(routes!(sessions::list::list_sessions))
        .routes(routes!(sessions::end::end_session))
        .routes(routes!(sessions::end::end_other_sessions))
        .routes(routes!(step_up::step_up))
        .routes(routes!(me::get_me))
        .routes(routes!(keys::jwks::get_jwks))
        .merge(signup::router())
        .merge(password::router())
        .merge(email::router())
        .merge(factor::router())
        .merge(accounts::router())
        .merge(invitations::router())
        .merge(members::router())
        .merge(security_events::router())
        .merge(roles::router())
        .merge(teams::router())
        .merge(oidc_login::router())
        .merge(oidc_connections::router())
        .merge(api_keys::router())
}

const TITLE: &str = "NEXO: accounts and sessions";

/// Returns the API document without a running service.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = api().into_openapi();
    web::openapi::describe(&mut document, TITLE);
    document
}

/// Event consumers of this service.
#[must_use]
pub fn consumers(app: &App) -> Vec<Arc<dyn Consumer>> {
    vec![Arc::new(mail::OperatorEmails { db: app.db.clone(), mail: Arc::clone(&app.mail) })]
}

/// Builds the router of the service and its API document.
pub fn router(app: App) -> (Router, OpenApi) {
    router_with_dependencies(app, Vec::new())
}

/// Builds the router with further dependencies beside the database that its readiness check reports.
pub fn router_with_dependencies(app: App, beside: Vec<Dependency>) -> (Router, OpenApi) {
    let mut api = api();
    if app.mail.outbox().is_some() {
        api = api.route("/dev/mail", get(mail::dev_mail));
    }
    let edges = ServiceOptions {
        proxies: app.proxies.clone(),
        beside,
        service: "auth-service",
        ..ServiceOptions::default()
    };
    web::into_service(api, app, TITLE, edges)
}
