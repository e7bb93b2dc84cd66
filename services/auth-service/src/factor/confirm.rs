use axum::extract::State;
use db::LookupFunction;
use identity::Principal;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;
use web::{AuthenticatedUser, Json, Result};

use super::{
    Challenge, FactorRefusal,
    renew::{elsewhere, here, letter_to},
    store::{find, returned_true},
};
use crate::{
    App,
    mail::Message,
    otp::{
        recovery::{RecoveryCodes, normal},
        totp::TotpSecret,
    },
    throttle::AttemptKey,
};

/// First code of a newly enrolled authenticator app.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmSecondFactorRequest {
    /// Code that the authenticator app shows.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, example = "287082", max_length = 4096)]
    code: SecretString,
}

const CONFIRM: LookupFunction =
    LookupFunction::new("select confirm_factor from app.confirm_factor($1, $2, $3)");

/// Confirm the second factor with a first code.
///
/// From now on a login requires a code. The response contains ten recovery codes, which are not shown again. Every
/// access token of the caller has to be refreshed. Where an account requires a second factor, the next token has all
/// rights again.
#[utoipa::path(post, path = "/api/v1/auth/second-factor/confirm", tag = "auth")]
pub(crate) async fn confirm_second_factor(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
    Json(ConfirmSecondFactorRequest { code }): Json<ConfirmSecondFactorRequest>,
) -> Result<Json<RecoveryCodes>> {
    // Limits guessing with a stolen token: a correct code would confirm the thief's factor.
    let counted = app.throttle.count(&app.db, &[AttemptKey::Code(who.user())]).await?;
    let mut tx = app.db.begin(&who).await?;
    let kept = find(&mut tx).await?.ok_or(FactorRefusal::NotBegun)?;
    if kept.confirmed_at.is_some() {
        return Err(FactorRefusal::Exists.into());
    }
    let shared = TotpSecret::open(&app.factors, who.user(), &kept.secret)?;
    let step = shared.step_of(&normal(code.expose_secret()), app.factors.now())?;
    let step = step.ok_or(FactorRefusal::Wrong(Challenge::Inside))?;
    let codes = RecoveryCodes::generate()?;
    let hashes = codes.hashes(&app.factors, who.user());
    if !returned_true(tx.look_up(CONFIRM).bind(&kept.secret).bind(step).bind(hashes).optional().await?) {
        return Err(FactorRefusal::NotBegun.into()); // enrollment was restarted meanwhile
    }
    counted.reset(&mut tx).await?;
    here(&mut tx, &who, "added").await?;
    let to = letter_to(&mut tx).await?;
    tx.commit().await?;
    if let Err(error) = make_known(&app, &who, &to).await {
        // The codes are shown only once, so a failure of the remaining steps must not fail the request.
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a new second factor is not known everywhere"
        );
    }
    Ok(Json(codes))
}

async fn make_known(app: &App, who: &Principal, to: &str) -> Result<()> {
    elsewhere(app, who).await?;
    app.mail.post(Message::factor_added(to))?;
    Ok(())
}
