use db::{LookUp, TenantTx};
use kernel::UserId;
use secrecy::{ExposeSecret as _, SecretString};
use web::Result;

use super::{
    FactorRefusal,
    kept::{Kept, confirmed, done},
    recovery::{hash, normal},
    shared::Shared,
};
use crate::{
    App,
    throttle::{Counted, Of},
};

/// Where a code is asked for. A client that is refused a login has no token; one that is inside has, and keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Login,
    Inside,
}

/// A code that is shown beside the right password, or none. It is counted before it is looked at, apart from passwords:
/// whoever knows the password could otherwise have the count forgotten between two guesses.
pub(crate) struct Attempt {
    user: UserId,
    code: Option<(SecretString, Counted)>,
}

const TAKE_STEP: LookUp = LookUp::new("select take_factor_step from app.take_factor_step($1, $2)");
const TAKE_CODE: LookUp = LookUp::new("select take_recovery_code from app.take_recovery_code($1)");
/// No code of ours is longer, however it is written.
const LONGEST: usize = 64;

impl Attempt {
    /// Counts it; refuses it if there were too many.
    pub(crate) async fn count(app: &App, user: UserId, code: Option<SecretString>) -> Result<Self> {
        let code = match code {
            Some(code) => Some((code, app.throttle.count(app, &[Of::Code(user)]).await?)),
            None => None,
        };
        Ok(Self { user, code })
    }

    /// Uses the code up, if its person has a second factor; the transaction was entered for them.
    pub(crate) async fn pass(self, app: &App, tx: &mut TenantTx, at: At) -> Result<()> {
        let kept = confirmed(tx).await?;
        let Some((code, counted)) = self.code else {
            return if kept.is_some() { Err(FactorRefusal::Required(at).into()) } else { Ok(()) };
        };
        if let Some(kept) = kept
            && !taken(app, tx, self.user, &kept, code.expose_secret()).await?
        {
            return Err(FactorRefusal::Wrong(at).into());
        }
        counted.forgive(tx).await
    }
}

async fn taken(app: &App, tx: &mut TenantTx, user: UserId, kept: &Kept, shown: &str) -> Result<bool> {
    if shown.len() > LONGEST {
        return Ok(false);
    }
    let code = normal(shown);
    if !is_of_app(&code) {
        let code = hash(&app.factors, user, &code);
        return Ok(done(tx.look_up(TAKE_CODE).bind(code).optional().await?));
    }
    let shared = Shared::open(&app.factors, user, &kept.secret)?;
    let Some(step) = shared.step_of(&code, app.factors.now())? else { return Ok(false) };
    Ok(done(tx.look_up(TAKE_STEP).bind(&kept.secret).bind(step).optional().await?))
}

/// Six digits; a recovery code has sixteen characters.
fn is_of_app(code: &str) -> bool {
    code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())
}
