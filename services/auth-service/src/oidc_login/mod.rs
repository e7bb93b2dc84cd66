//! Logins at an account's identity provider: one [starts](start) there, and [finishes](finish) here with an ordinary
//! session.

pub(crate) mod finish;
mod pending;
pub(crate) mod start;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

/// Routes of the logins.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(start::start_oidc_login)).routes(routes!(finish::finish_oidc_login))
}
