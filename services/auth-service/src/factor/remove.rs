use axum::extract::State;
use db::LookupFunction;
use web::{AuthenticatedUser, Error, NoContent, Result};

use super::{
    renew::{elsewhere, here, letter_to},
    store::returned_true,
};
use crate::{App, mail::Message, sessions::require_recent_login_all_accounts};

const REMOVE: LookupFunction = LookupFunction::new("select remove_factor from app.remove_factor()");

/// Remove the caller's second factor.
///
/// Its recovery codes are removed with it. Needs a recent login: see `POST /api/v1/auth/step-up`.
#[utoipa::path(
    delete,
    path = "/api/v1/auth/second-factor",
    responses(web::openapi::NotFoundResponse),
    tag = "auth"
)]
pub(crate) async fn delete_second_factor(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
) -> Result<NoContent> {
    let mut tx = app.db.begin(&who).await?;
    require_recent_login_all_accounts(&mut tx, &who).await?;
    if !returned_true(tx.look_up(REMOVE).optional().await?) {
        return Err(Error::NotFound("second factor"));
    }
    here(&mut tx, &who, "removed").await?;
    let to = letter_to(&mut tx).await?;
    tx.commit().await?;
    elsewhere(&app, &who).await?;
    app.mail.post(Message::factor_removed(&to))?;
    Ok(NoContent)
}
