//! Second factors: a code of an authenticator app beside the password (TOTP, RFC 6238), and ten recovery codes for a
//! lost device.
//!
//! A user has one second factor for all their accounts. Enrollment [starts](begin) with the password and is
//! [confirmed](confirm) with a first code. From then on a login and a step-up [require](attempt) a code.

pub(crate) mod attempt;
pub(crate) mod begin;
pub(crate) mod codes;
pub(crate) mod confirm;
mod recovery;
mod refusal;
pub(crate) mod remove;
mod renew;
mod shared;
pub(crate) mod show;
mod store;

use std::sync::Arc;

use aws_lc_rs::hmac;
use identity::{SealError, Sealer, Secret};
use kernel::Clock;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
pub(crate) use attempt::FactorAttempt;
pub(crate) use recovery::RecoveryCodes;
pub(crate) use refusal::{Challenge, FactorRefusal};
pub(crate) use store::is_on;

/// Keys and clock for storing and verifying second factors.
#[derive(Clone)]
pub struct Factors(Arc<Parts>);

struct Parts {
    /// Seals the TOTP secrets at rest.
    sealer: Sealer,
    /// Key for the hashes of recovery codes.
    codes: hmac::Key,
    clock: Clock,
}

impl Factors {
    /// Derives the keys from the deployment's secret.
    pub(crate) fn new(secret: &Secret, clock: &Clock) -> Result<Self, SealError> {
        let sealer = Sealer::new(secret, "second factors")?;
        Ok(Self(Arc::new(Parts { sealer, codes: secret.key_for("recovery codes"), clock: clock.clone() })))
    }

    /// Present time in seconds since 1970.
    fn now(&self) -> u64 {
        u64::try_from(self.0.clock.unix_seconds()).unwrap_or_default()
    }
}

/// Routes of the second-factor operations.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(show::get_second_factor, begin::start_second_factor, remove::delete_second_factor))
        .routes(routes!(confirm::confirm_second_factor))
        .routes(routes!(codes::create_recovery_codes))
}
