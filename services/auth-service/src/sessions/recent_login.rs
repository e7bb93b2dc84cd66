//! Dangerous operations need a recent login, so that a stolen access token is not enough.

use db::{Refusal, RefusalKind, TenantQuery, TenantTx};
use identity::Principal;
use web::Result;

use super::provider::is_of_provider;
use crate::AuthRefusal;

/// The last authentication is more than 15 minutes old.
#[derive(Debug, thiserror::Error)]
#[error(
    "this needs you to have shown within 15 minutes who you are: send your password, and a code if you have a second \
     factor, to POST /api/v1/auth/step-up, and then this request again"
)]
struct StepUpRequired;

impl Refusal for StepUpRequired {
    fn code(&self) -> &'static str {
        "step-up-required"
    }

    fn kind(&self) -> RefusalKind {
        RefusalKind::Forbidden
    }
}

const FRESH: TenantQuery = TenantQuery::new(
    "select authenticated_at > now() - interval '15 minutes' from app.sessions where account_id = $1 and id = $2",
);

/// Refuses a session whose last authentication is more than 15 minutes old.
pub(crate) async fn require_recent_login(tx: &mut TenantTx, who: &Principal) -> Result<()> {
    let fresh: Option<(bool,)> = tx.read(FRESH).bind(who.session()).optional().await?;
    if fresh == Some((true,)) { Ok(()) } else { Err(StepUpRequired.into()) }
}

/// Requires a recent login for changes that affect the user in every account. Refuses sessions opened at an account's
/// identity provider, which vouches for the user there only.
pub(crate) async fn require_recent_login_all_accounts(tx: &mut TenantTx, who: &Principal) -> Result<()> {
    if is_of_provider(tx, who).await? {
        return Err(AuthRefusal::ProviderSession.into());
    }
    require_recent_login(tx, who).await
}
