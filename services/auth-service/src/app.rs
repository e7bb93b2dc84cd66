//! The state of the service.

use std::sync::Arc;

use axum::extract::FromRef;
use db::Db;
use identity::{Hasher, Issuer, RefreshKey, Verifier};
use web::Proxies;

use crate::{Factors, FailedLogins, Keys, Mailer, Oidc, SendingQuotas, Throttle};

/// State shared by all handlers.
#[derive(Clone, FromRef)]
pub struct App {
    /// Connection pool of the database.
    pub db: Db,
    /// Verifies the access tokens of requests.
    pub verifier: Verifier,
    /// Issues (signs) access tokens.
    pub issuer: Arc<Issuer>,
    /// Keeps the keys of verifier and issuer up to date.
    pub keys: Keys,
    /// Hashes passwords in threads of its own.
    pub hasher: Hasher,
    /// Derives refresh tokens from session seeds.
    pub refresh: RefreshKey,
    /// Counts and limits attempts to log in.
    pub throttle: Throttle,
    /// Counts e-mails to strangers by sender.
    pub quotas: SendingQuotas,
    /// Stores and verifies second factors.
    pub factors: Factors,
    /// Logs users in at their own identity provider.
    pub oidc: Oidc,
    /// Records failed logins in the audit log.
    pub failed: FailedLogins,
    /// Sends e-mails; returns before delivery.
    pub mail: Arc<dyn Mailer>,
    /// Base URL of the pages that e-mails link to.
    #[from_ref(skip)]
    pub pages: String,
    /// Proxies whose forwarded client address is trusted.
    #[from_ref(skip)]
    pub proxies: Proxies,
}
