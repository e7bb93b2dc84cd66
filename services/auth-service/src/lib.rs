//! Accounts, the people in them, and their sessions.

mod accounts;
mod api_keys;
mod config;
mod email;
mod events;
mod factor;
mod form;
mod invitations;
mod keys;
mod login;
mod mail;
mod me;
mod members;
mod oidc;
mod one_time;
mod password;
mod quota;
mod refusal;
mod rights;
mod roles;
mod sessions;
mod signup;
mod slug;
pub mod teams;
mod throttle;

use std::sync::Arc;

use ::events::Consumer;
use axum::{Router, extract::FromRef, routing::get};
use db::Db;
use identity::{Hasher, Issuer, RefreshKey, Verifier};
use utoipa::{OpenApi as _, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Beside, Edges, Proxies};

pub use config::{Config, ConfigError};
pub use events::FailedLogins;
pub use factor::Factors;
pub use keys::{Keys, KeysError};
pub use mail::{MailError, Mailer};
pub use oidc::Oidc;
pub use quota::SendingQuotas;
pub use refusal::AuthRefusal;
pub use signup::settle::{Founder, settle};
pub use throttle::{Throttle, network};

/// What every handler may ask for.
#[derive(Clone, FromRef)]
pub struct App {
    /// Rows.
    pub db: Db,
    /// Whose token it is.
    pub verifier: Verifier,
    /// Signs tokens.
    pub issuer: Arc<Issuer>,
    /// Keeps the keys of both as they should be.
    pub keys: Keys,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// Makes refresh tokens.
    pub refresh: RefreshKey,
    /// Counts attempts to log in.
    pub throttle: Throttle,
    /// Counts e-mails to strangers by sender.
    pub quotas: SendingQuotas,
    /// Keeps and checks second factors.
    pub factors: Factors,
    /// Logs people in at their own provider.
    pub oidc: Oidc,
    /// Notes logins that failed.
    pub failed: FailedLogins,
    /// Takes letters to people.
    #[from_ref(skip)]
    pub mail: Arc<dyn Mailer>,
    /// Where the pages are that letters lead to.
    #[from_ref(skip)]
    pub pages: String,
    /// Whose word about the client's address is believed.
    #[from_ref(skip)]
    pub proxies: Proxies,
}

/// The schemas that the answers refer to.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(
    sessions::Tokens,
    sessions::person::PersonToken,
    sessions::list::Sessions,
    sessions::logout::Logout,
    login::LoggedIn,
    factor::show::Factor,
    factor::begin::Enrolment,
    factor::RecoveryCodes,
    signup::Sent,
    me::Me,
    accounts::Account,
    accounts::Places,
    api_keys::ApiKeys,
    api_keys::MadeKey,
    api_keys::KeyToken,
    invitations::Invitations,
    invitations::MyInvitations,
    events::SecurityEvents,
    members::Members,
    members::KnownMember,
    members::MemberRights,
    roles::Catalogue,
    teams::TeamMembers,
    oidc::start::Started,
    oidc::list::Shown,
    oidc::list::Connections,
    web::Problem
)))]
struct Schemas;

/// Every operation of this service, documented.
#[must_use]
pub fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Schemas::openapi())
        .routes(routes!(login::login))
        .routes(routes!(sessions::refresh::refresh))
        .routes(routes!(sessions::logout::logout))
        .routes(routes!(sessions::list::sessions))
        .routes(routes!(sessions::end::end_session))
        .routes(routes!(sessions::end::end_other_sessions))
        .routes(routes!(sessions::step_up::step_up))
        .routes(routes!(me::me))
        .routes(routes!(keys::jwks::jwks))
        .merge(signup::router())
        .merge(password::router())
        .merge(email::router())
        .merge(factor::router())
        .merge(accounts::router())
        .merge(invitations::router())
        .merge(members::router())
        .merge(events::router())
        .merge(roles::router())
        .merge(teams::router())
        .merge(oidc::router())
        .merge(api_keys::router())
}

const TITLE: &str = "NEXO: accounts and sessions";

/// The API document, without a running service.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = api().into_openapi();
    web::openapi::describe(&mut document, TITLE);
    document
}

/// Who works on events here.
#[must_use]
pub fn consumers(app: &App) -> Vec<Arc<dyn Consumer>> {
    vec![Arc::new(mail::OperatorLetters { db: app.db.clone(), mail: Arc::clone(&app.mail) })]
}

/// The service, ready to be served, and its API document.
pub fn router(app: App) -> (Router, OpenApi) {
    router_beside(app, Vec::new())
}

/// The same, which tells of what it needs beside the database when it is asked whether it is ready.
pub fn router_beside(app: App, beside: Vec<Beside>) -> (Router, OpenApi) {
    let mut api = api();
    if app.mail.outbox().is_some() {
        api = api.route("/dev/mail", get(mail::dev_mail));
    }
    let edges = Edges { proxies: app.proxies.clone(), beside, service: "auth-service", ..Edges::default() };
    web::finish(api, app, TITLE, edges)
}
