use db::{LookupFunction, TenantTx};
use kernel::UserId;
use secrecy::{ExposeSecret as _, SecretString};
use web::Result;

use super::{
    Challenge, FactorRefusal,
    store::{FactorRow, confirmed, returned_true},
};
use crate::{
    App,
    otp::{
        recovery::{hash, normal},
        totp::TotpSecret,
    },
    throttle::{AttemptKey, CountedAttempts},
};

/// An attempt with a second-factor code, or without one. It is counted before it is verified, and apart from passwords.
/// Otherwise a client that knows the password could reset the counter between two guesses.
pub(crate) struct FactorAttempt {
    user: UserId,
    code: Option<(SecretString, CountedAttempts)>,
}

const TAKE_STEP: LookupFunction =
    LookupFunction::new("select take_factor_step from app.take_factor_step($1, $2)");
const TAKE_CODE: LookupFunction =
    LookupFunction::new("select take_recovery_code from app.take_recovery_code($1)");
/// Longer than any valid code, including separators.
const MAX_CODE_BYTES: usize = 64;

impl FactorAttempt {
    /// Counts the attempt; rejects it if there were too many.
    pub(crate) async fn count(app: &App, user: UserId, code: Option<SecretString>) -> Result<Self> {
        let code = match code {
            Some(code) => Some((code, app.throttle.count(&app.db, &[AttemptKey::Code(user)]).await?)),
            None => None,
        };
        Ok(Self { user, code })
    }

    /// Verifies and consumes the code if the transaction's user has a second factor.
    pub(crate) async fn pass(self, app: &App, tx: &mut TenantTx, at: Challenge) -> Result<()> {
        let kept = confirmed(tx).await?;
        let Some((code, counted)) = self.code else {
            return if kept.is_some() { Err(FactorRefusal::Required(at).into()) } else { Ok(()) };
        };
        if let Some(kept) = kept
            && !taken(app, tx, self.user, &kept, code.expose_secret()).await?
        {
            return Err(FactorRefusal::Wrong(at).into());
        }
        counted.reset(tx).await
    }
}

async fn taken(app: &App, tx: &mut TenantTx, user: UserId, kept: &FactorRow, shown: &str) -> Result<bool> {
    if shown.len() > MAX_CODE_BYTES {
        return Ok(false);
    }
    let code = normal(shown);
    if !is_of_app(&code) {
        let code = hash(&app.factors, user, &code);
        return Ok(returned_true(tx.look_up(TAKE_CODE).bind(code).optional().await?));
    }
    let shared = TotpSecret::open(&app.factors, user, &kept.secret)?;
    let Some(step) = shared.step_of(&code, app.factors.now())? else { return Ok(false) };
    Ok(returned_true(tx.look_up(TAKE_STEP).bind(&kept.secret).bind(step).optional().await?))
}

/// True for codes of the app (six digits); recovery codes are longer.
fn is_of_app(code: &str) -> bool {
    code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())
}
