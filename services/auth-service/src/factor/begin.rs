use axum::extract::State;
use db::LookUp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;
use web::{ClientAddress, Json, Known, Result};

use super::{
    FactorRefusal,
    kept::done,
    shared::{Shared, picture},
};
use crate::{App, password};

/// Somebody who adds a second factor.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewFactor {
    /// Theirs: a stolen access token is not enough.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// What the authenticator app needs, in three forms. It is not shown again. No `Debug`: it would end in a log.
#[derive(Serialize, ToSchema)]
pub(crate) struct Enrolment {
    /// To be typed: 160 bits in base32.
    secret: String,
    /// To be opened on the phone itself.
    #[schema(
        example = "otpauth://totp/NEXO:ana%40acme.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=NEXO"
    )]
    otpauth_uri: String,
    /// To be shown to its camera: the same address as a QR code, an SVG document.
    qr_svg: String,
}

const BEGIN: LookUp = LookUp::new("select begin_factor from app.begin_factor($1)");

/// Begin to add a second factor.
///
/// It counts once it is confirmed with a first code, within an hour; begun again, the one before is forgotten.
#[utoipa::path(post, path = "/api/v1/auth/second-factor", tag = "auth")]
pub(crate) async fn begin_factor(
    State(app): State<App>,
    Known(who): Known,
    from: ClientAddress,
    Json(NewFactor { password }): Json<NewFactor>,
) -> Result<Json<Enrolment>> {
    let mine = password::show(&app, &who, from, password).await?;
    let shared = Shared::generate()?;
    let otpauth_uri = shared.uri(&mine.email)?;
    let qr_svg = picture(&otpauth_uri)?;
    let sealed = shared.seal(&app.factors, who.user())?;
    let mut tx = app.db.begin(&who).await?;
    if !done(tx.look_up(BEGIN).bind(sealed).optional().await?) {
        return Err(FactorRefusal::Exists.into());
    }
    mine.counted.forgive(&mut tx).await?;
    tx.commit().await?;
    Ok(Json(Enrolment { secret: shared.text(), otpauth_uri, qr_svg }))
}
