use axum::extract::State;
use db::LookupFunction;
use web::{AuthenticatedUser, Error, Json, Result};

use super::{renew::letter_to, store::returned_true};
use crate::{App, mail::Message, otp::recovery::RecoveryCodes, sessions::require_recent_login_all_accounts};

const REPLACE: LookupFunction =
    LookupFunction::new("select replace_recovery_codes from app.replace_recovery_codes($1)");

/// Create ten new recovery codes.
///
/// Previous codes become invalid. Needs a recent login: see `POST /api/v1/auth/step-up`.
#[utoipa::path(
    post,
    path = "/api/v1/auth/second-factor/recovery-codes",
    responses(web::openapi::NotFoundResponse),
    tag = "auth"
)]
pub(crate) async fn create_recovery_codes(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
) -> Result<Json<RecoveryCodes>> {
    let codes = RecoveryCodes::generate()?;
    let mut tx = app.db.begin(&who).await?;
    require_recent_login_all_accounts(&mut tx, &who).await?;
    let hashes = codes.hashes(&app.factors, who.user());
    if !returned_true(tx.look_up(REPLACE).bind(hashes).optional().await?) {
        return Err(Error::NotFound("second factor"));
    }
    let to = letter_to(&mut tx).await?;
    tx.commit().await?;
    if let Err(error) = app.mail.post(Message::recovery_codes_replaced(&to)) {
        // The codes are shown only once, so a failure to send the e-mail must not fail the request.
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the e-mail about new recovery codes was not sent"
        );
    }
    Ok(Json(codes))
}
