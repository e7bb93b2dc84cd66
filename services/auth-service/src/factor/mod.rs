//! Second factors: a code of an authenticator app beside the password (TOTP, RFC 6238), and ten recovery codes for a
//! lost device.
//!
//! A user has one second factor for all their accounts. Enrollment [starts](begin) with the password and is
//! [confirmed](confirm) with a first code. From then on a login and a step-up [require](attempt) a code.

pub(crate) mod attempt;
pub(crate) mod begin;
pub(crate) mod codes;
pub(crate) mod confirm;
mod refusal;
pub(crate) mod remove;
mod renew;
pub(crate) mod show;
mod store;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
pub(crate) use attempt::FactorAttempt;
pub(crate) use refusal::{Challenge, FactorRefusal};
pub(crate) use store::is_on;

/// Routes of the second-factor operations.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(show::get_second_factor, begin::start_second_factor, remove::delete_second_factor))
        .routes(routes!(confirm::confirm_second_factor))
        .routes(routes!(codes::create_recovery_codes))
}
