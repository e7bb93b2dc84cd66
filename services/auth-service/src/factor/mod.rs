//! Second factors: a code of an authenticator app beside the password (TOTP, RFC 6238), and ten recovery codes for
//! whoever has lost the app.
//!
//! A person has one, for all of their accounts. They [begin](begin) with their password and [confirm](confirm) with a
//! first code; from then on a login and a step-up [ask](attempt) for one.

pub(crate) mod attempt;
pub(crate) mod begin;
pub(crate) mod codes;
pub(crate) mod confirm;
mod kept;
mod recovery;
mod refusal;
pub(crate) mod remove;
mod renew;
mod shared;
pub(crate) mod show;

use std::sync::Arc;

use aws_lc_rs::hmac;
use identity::{SealError, Sealer, Secret};
use kernel::Clock;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
pub(crate) use attempt::{At, Attempt};
pub(crate) use kept::{is_on, missing};
pub(crate) use recovery::RecoveryCodes;
pub(crate) use refusal::FactorRefusal;
pub(crate) use renew::address;

/// What second factors are kept and checked with.
#[derive(Clone)]
pub struct Factors(Arc<Parts>);

struct Parts {
    /// Seals what an app shares with us.
    sealer: Sealer,
    /// Makes the hashes of recovery codes.
    codes: hmac::Key,
    clock: Clock,
}

impl Factors {
    /// With keys of its own, derived from the deployment's secret.
    pub(crate) fn new(secret: &Secret, clock: &Clock) -> Result<Self, SealError> {
        let sealer = Sealer::new(secret, "second factors")?;
        Ok(Self(Arc::new(Parts { sealer, codes: secret.key_for("recovery codes"), clock: clock.clone() })))
    }

    /// Seconds since 1970.
    fn now(&self) -> u64 {
        u64::try_from(self.0.clock.unix_seconds()).unwrap_or_default()
    }
}

/// The operations.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(show::factor, begin::begin_factor, remove::remove_factor))
        .routes(routes!(confirm::confirm_factor))
        .routes(routes!(codes::renew_recovery_codes))
}
