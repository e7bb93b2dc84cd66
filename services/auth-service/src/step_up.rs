//! Step-up authentication: repeats the login of a session, for operations that need a recent one.

use axum::extract::State;
use db::{Change, TenantCommand};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;
use web::{AuthenticatedUser, ClientAddress, Json, NoContent, Result};

use crate::{
    App,
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
    let mine = password::verify_current(&app, &who, from, (password, "/password")).await?;
    let attempt = FactorAttempt::count(&app, who.user(), code).await?;
    let mut tx = app.db.begin_in_maintenance(&who).await?;
    attempt.pass(&app, &mut tx, Challenge::Inside).await?;
    mine.counted.reset(&mut tx).await?;
    let renewed = Change::new("auth.session.stepped_up", "session", who.session().into(), "stepped_up");
    tx.execute_audited::<()>(RENEW, renewed).bind(who.session()).run().await?;
    tx.commit().await?;
    Ok(NoContent)
}
