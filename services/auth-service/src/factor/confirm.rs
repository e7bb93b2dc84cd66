use axum::extract::State;
use db::LookUp;
use identity::Principal;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;
use web::{Json, Known, Result};

use super::{
    At, FactorRefusal,
    kept::{done, find},
    recovery::{RecoveryCodes, normal},
    renew::{elsewhere, here, letter_to},
    shared::Shared,
};
use crate::{App, mail::Letter, throttle::Of};

/// Somebody whose authenticator app shows a first code.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstCode {
    /// What it shows.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String, example = "287082")]
    code: SecretString,
}

const CONFIRM: LookUp = LookUp::new("select confirm_factor from app.confirm_factor($1, $2, $3)");

/// Confirm my second factor with a first code.
///
/// From now on a login needs one. The answer holds ten recovery codes, which are not shown again. Every access token of
/// mine has to be refreshed; the next one has all rights again where an account requires a second factor.
#[utoipa::path(post, path = "/api/v1/auth/second-factor/confirm", tag = "auth")]
pub(crate) async fn confirm_factor(
    State(app): State<App>,
    Known(who): Known,
    Json(FirstCode { code }): Json<FirstCode>,
) -> Result<Json<RecoveryCodes>> {
    // Whoever has only a token must not guess a code: the answer would let them in for good.
    let counted = app.throttle.count(&app, &[Of::Code(who.user())]).await?;
    let mut tx = app.db.begin(&who).await?;
    let kept = find(&mut tx).await?.ok_or(FactorRefusal::NotBegun)?;
    if kept.confirmed_at.is_some() {
        return Err(FactorRefusal::Exists.into());
    }
    let shared = Shared::open(&app.factors, who.user(), &kept.secret)?;
    let step = shared.step_of(&normal(code.expose_secret()), app.factors.now())?;
    let step = step.ok_or(FactorRefusal::Wrong(At::Inside))?;
    let codes = RecoveryCodes::generate()?;
    let hashes = codes.hashes(&app.factors, who.user());
    if !done(tx.look_up(CONFIRM).bind(&kept.secret).bind(step).bind(hashes).optional().await?) {
        return Err(FactorRefusal::NotBegun.into()); // begun anew meanwhile
    }
    counted.forgive(&mut tx).await?;
    here(&mut tx, &who, "added").await?;
    let to = letter_to(&mut tx).await?;
    tx.commit().await?;
    if let Err(error) = make_known(&app, &who, &to).await {
        // The codes are shown this once: what is still to do must not cost them.
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a new second factor is not known everywhere"
        );
    }
    Ok(Json(codes))
}

async fn make_known(app: &App, who: &Principal, to: &str) -> Result<()> {
    elsewhere(app, who).await?;
    app.mail.post(Letter::factor_added(to))?;
    Ok(())
}
