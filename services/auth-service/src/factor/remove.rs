use axum::extract::State;
use db::LookUp;
use web::{Error, Known, NoContent, Result};

use super::{
    kept::done,
    renew::{elsewhere, here, letter_to},
};
use crate::{App, mail::Letter, sessions::fresh_everywhere};

const REMOVE: LookUp = LookUp::new("select remove_factor from app.remove_factor()");

/// Remove my second factor.
///
/// With it go its recovery codes. Needs a fresh session: see `POST /api/v1/auth/step-up`.
#[utoipa::path(delete, path = "/api/v1/auth/second-factor", tag = "auth")]
pub(crate) async fn remove_factor(State(app): State<App>, Known(who): Known) -> Result<NoContent> {
    let mut tx = app.db.begin(&who).await?;
    fresh_everywhere(&mut tx, &who).await?;
    if !done(tx.look_up(REMOVE).optional().await?) {
        return Err(Error::NotFound("second factor"));
    }
    here(&mut tx, &who, "removed").await?;
    let to = letter_to(&mut tx).await?;
    tx.commit().await?;
    elsewhere(&app, &who).await?;
    app.mail.post(Letter::factor_removed(&to))?;
    Ok(NoContent)
}
