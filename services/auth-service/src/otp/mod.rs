//! One-time passwords of second factors: codes of an authenticator app (TOTP, RFC 6238), and recovery codes.

pub(crate) mod recovery;
pub(crate) mod totp;

use std::sync::Arc;

use aws_lc_rs::hmac;
use identity::{SealError, Sealer, Secret};
use kernel::Clock;

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
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.0.clock.unix_seconds()).unwrap_or_default()
    }
}
