use axum::extract::State;
use db::LookupFunction;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;
use web::{AuthenticatedUser, ClientAddress, Json, Result};

use super::{FactorRefusal, store::returned_true};
use crate::{
    App,
    otp::totp::{TotpSecret, picture},
    password,
};

/// Request to enroll a second factor.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnrollSecondFactorRequest {
    /// Current password of the caller: a stolen access token is not enough.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, format = Password, max_length = 4096)]
    password: SecretString,
}

/// TOTP secret for the authenticator app, in three forms. It is not shown again. No `Debug`, so that it cannot be
/// logged.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecondFactorEnrollment {
    /// Secret to be typed in: 160 bits in base32.
    secret: String,
    /// Link that opens the app on the phone itself.
    #[schema(
        example = "otpauth://totp/NEXO:ana%40acme.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=NEXO"
    )]
    otpauth_uri: String,
    /// The same link as a QR code for the phone's camera, an SVG document.
    qr_svg: String,
}

const BEGIN: LookupFunction = LookupFunction::new("select begin_factor from app.begin_factor($1)");

/// Start the enrollment of a second factor.
///
/// It takes effect once it is confirmed with a first code, within an hour. Starting again discards the previous
/// attempt.
#[utoipa::path(post, path = "/api/v1/auth/second-factor", tag = "auth")]
pub(crate) async fn start_second_factor(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
    from: ClientAddress,
    Json(EnrollSecondFactorRequest { password }): Json<EnrollSecondFactorRequest>,
) -> Result<Json<SecondFactorEnrollment>> {
    let mine = password::verify_current(&app, &who, from, (password, "/password")).await?;
    let shared = TotpSecret::generate()?;
    let otpauth_uri = shared.uri(&mine.email)?;
    let qr_svg = picture(&otpauth_uri)?;
    let sealed = shared.seal(&app.factors, who.user())?;
    let mut tx = app.db.begin(&who).await?;
    if !returned_true(tx.look_up(BEGIN).bind(sealed).optional().await?) {
        return Err(FactorRefusal::Exists.into());
    }
    mine.counted.reset(&mut tx).await?;
    tx.commit().await?;
    Ok(Json(SecondFactorEnrollment { secret: shared.text(), otpauth_uri, qr_svg }))
}
