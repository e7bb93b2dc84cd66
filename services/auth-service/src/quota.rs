//! Quotas of e-mails to strangers, by sender: the account (by its plan), the person (over all their accounts), and the
//! client address. All free accounts opened from one address share its quota. The counters are in the database, so
//! replicas share them.

use aws_lc_rs::hmac;
use db::{LookupFunction, SystemTx, TenantTx};
use identity::Secret;
use kernel::Env;
use web::{ClientAddress, Result};

use crate::{AuthRefusal, throttle::network};

/// Quotas per client address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Config {
    signups: u16,
    shared: u16,
}

impl Config {
    /// Reads `NEXO_SIGNUPS_PER_HOUR` and `NEXO_SHARED_EMAILS_PER_HOUR`.
    pub(crate) fn read(env: &mut Env) -> Self {
        Self {
            signups: env.parsed("NEXO_SIGNUPS_PER_HOUR", 120),
            shared: env.parsed("NEXO_SHARED_EMAILS_PER_HOUR", 120),
        }
    }
}

/// Counts e-mails and sign-ups. Addresses are stored as keyed hashes only.
#[derive(Clone)]
pub struct SendingQuotas {
    key: hmac::Key,
    config: Config,
}

impl std::fmt::Debug for SendingQuotas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SendingQuotas")
    }
}

const SIGNUP: LookupFunction = LookupFunction::new("select count_signup from app.count_signup($1, $2)");
const EMAIL: LookupFunction = LookupFunction::new("select count_email from app.count_email($1)");

impl SendingQuotas {
    pub(crate) fn new(config: Config, secret: &Secret) -> Self {
        Self { key: secret.key_for("addresses that open accounts"), config }
    }

    /// The keyed hash of an address, which an account stores as its origin.
    pub(crate) fn origin(&self, ClientAddress(address): ClientAddress) -> Option<Vec<u8>> {
        Some(hmac::sign(&self.key, network(address?).as_bytes()).as_ref().to_vec())
    }

    /// Counts a registration or a new account of an address; refuses it beyond the quota.
    pub(crate) async fn count_signup(&self, tx: &mut SystemTx, from: ClientAddress) -> Result<()> {
        let Some(origin) = self.origin(from) else { return Ok(()) };
        let counted = tx.ask(SIGNUP, |row| {
            row.bind(origin);
            row.bind(i32::from(self.config.signups));
        });
        enough(counted.await?)
    }

    /// Counts an e-mail to a stranger, for the user and the account of the transaction; refuses it beyond a quota. A
    /// rollback undoes the count.
    pub(crate) async fn count_email(&self, tx: &mut TenantTx) -> Result<()> {
        enough(tx.look_up(EMAIL).bind(i32::from(self.config.shared)).optional().await?)
    }
}

fn enough(wait: Option<(i32,)>) -> Result<()> {
    match wait.and_then(|(seconds,)| u32::try_from(seconds).ok()) {
        Some(seconds) if seconds > 0 => Err(AuthRefusal::TooManyEmails(seconds).into()),
        _ => Ok(()),
    }
}
