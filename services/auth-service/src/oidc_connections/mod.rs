//! Connections of an account to identity providers, as its administrators maintain them.

mod create;
pub(crate) mod list;
mod public_mail;
mod remove;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

/// Routes of the connections.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_oidc_connections, create::create_oidc_connection))
        .routes(routes!(remove::delete_oidc_connection))
}
