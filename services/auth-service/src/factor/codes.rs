use axum::extract::State;
use db::LookUp;
use web::{Error, Json, Known, Result};

use super::{kept::done, recovery::RecoveryCodes, renew::letter_to};
use crate::{App, mail::Letter, sessions::fresh_everywhere};

const REPLACE: LookUp = LookUp::new("select replace_recovery_codes from app.replace_recovery_codes($1)");

/// Get ten new recovery codes.
///
/// Those of before are good for nothing. Needs a fresh session: see `POST /api/v1/auth/step-up`.
#[utoipa::path(post, path = "/api/v1/auth/second-factor/recovery-codes", tag = "auth")]
pub(crate) async fn renew_recovery_codes(
    State(app): State<App>,
    Known(who): Known,
) -> Result<Json<RecoveryCodes>> {
    let codes = RecoveryCodes::generate()?;
    let mut tx = app.db.begin(&who).await?;
    fresh_everywhere(&mut tx, &who).await?;
    let hashes = codes.hashes(&app.factors, who.user());
    if !done(tx.look_up(REPLACE).bind(hashes).optional().await?) {
        return Err(Error::NotFound("second factor"));
    }
    let to = letter_to(&mut tx).await?;
    tx.commit().await?;
    if let Err(error) = app.mail.post(Letter::recovery_codes_replaced(&to)) {
        // The codes are shown this once: a letter that is not written must not cost them.
        tracing::warn!(error = &error as &dyn std::error::Error, "nobody was told of new recovery codes");
    }
    Ok(Json(codes))
}
