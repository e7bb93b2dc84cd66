//! Step-up authentication: dangerous operations need a recent login, so that a stolen access token is not enough.

use axum::extract::State;
use db::{Change, Refusal, RefusalKind, TenantCommand, TenantQuery, TenantTx};
use identity::Principal;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;
use web::{AuthenticatedUser, ClientAddress, Json, NoContent, Result};

use crate::{
    App, AuthRefusal,
    accounts::is_of_provider,
    factor::{Challenge, FactorAttempt},
    password,
};

/// Credentials for a step-up.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepUpRequest {
    /// Current password of the caller.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, format = Password, max_length = 4096)]
    password: SecretString,
    /// Code of the authenticator app, or a recovery code; required if the user has a second factor.
    #[serde(default, deserialize_with = "crate::validators::some_secret")]
    #[schema(value_type = Option<String>, example = "287082", max_length = 4096)]
    code: Option<SecretString>,
}

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
const RENEW: TenantCommand =
    TenantCommand::new("update app.sessions set authenticated_at = now() where account_id = $1 and id = $2");

/// Authenticate again in the current session.
///
/// Dangerous operations need an authentication within the last 15 minutes; a login counts as well.
#[utoipa::path(post, path = "/api/v1/auth/step-up", tag = "auth")]
pub(crate) async fn step_up(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
    from: ClientAddress,
    Json(StepUpRequest { password, code }): Json<StepUpRequest>,
) -> Result<NoContent> {
    let mine = password::verify_current(&app, &who, from, password).await?;
    let attempt = FactorAttempt::count(&app, who.user(), code).await?;
    let mut tx = app.db.begin_in_maintenance(&who).await?;
    attempt.pass(&app, &mut tx, Challenge::Inside).await?;
    mine.counted.reset(&mut tx).await?;
    let renewed = Change::new("auth.session.stepped_up", "session", who.session().into(), "stepped_up");
    tx.execute_audited::<()>(RENEW, renewed).bind(who.session()).run().await?;
    tx.commit().await?;
    Ok(NoContent)
}

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
