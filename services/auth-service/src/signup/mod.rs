//! Registration of a user and their company: register, receive an e-mail, confirm.

pub(crate) mod confirm;
pub(crate) mod create_owner;
pub(crate) mod register;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(register::resend_confirmation))
        .routes(routes!(confirm::confirm_registration))
}
