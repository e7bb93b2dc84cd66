use axum::extract::State;
use db::LookupFunction;
use identity::check_strength;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;
use web::{AuthenticatedUser, ClientAddress, Error, Json, NoContent, RequestId, Result};

use super::{
    end_everywhere,
    verify::{VerifiedUser, verify_current},
};
use crate::{App, hashing::hashing_failed, mail::Message, sessions::end::end_others};

/// Request to change the caller's password.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePasswordRequest {
    /// The caller's current password.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, format = Password, max_length = 4096)]
    current_password: SecretString,
    /// New password; rejected if its estimated number of guesses is too low.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, format = Password, max_length = 4096)]
    new_password: SecretString,
}

const END_TOKENS: LookupFunction = LookupFunction::new("select from app.end_my_tokens()");
const REPLACE: LookupFunction = LookupFunction::new("select from app.replace_password_hash($1)");

/// Change the caller's password.
///
/// All other sessions of the caller end, in every account.
#[utoipa::path(post, path = "/api/v1/auth/password", tag = "auth")]
pub(crate) async fn change_password(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
    from: ClientAddress,
    Json(asked): Json<ChangePasswordRequest>,
) -> Result<NoContent> {
    let VerifiedUser { email, counted, holders } =
        verify_current(&app, &who, from, (asked.current_password, "/current_password")).await?;
    check_strength(asked.new_password.expose_secret(), &[email.as_str()])
        .map_err(|weakness| Error::invalid("/new_password", "weak", weakness.to_string()))?;
    let place = app.hasher.reserve(&holders).map_err(hashing_failed)?;
    let hash = place.hash(asked.new_password).await.map_err(hashing_failed)?;
    // Once before the change, so that a crash leaves no session behind; once after, for logins with the old password
    // meanwhile.
    end_everywhere(&app, who.user(), RequestId(who.request()), Some(who.account())).await?;
    let mut tx = app.db.begin(&who).await?;
    tx.look_up::<()>(END_TOKENS).run().await?; // revokes pending e-mail tokens, also for a new address
    tx.look_up::<()>(REPLACE).bind(hash).run().await?;
    end_others(&mut tx, &who, "password").await?;
    counted.reset(&mut tx).await?;
    tx.commit().await?;
    let told = app.mail.post(Message::password_changed(&email)); // even if the rest fails
    end_everywhere(&app, who.user(), RequestId(who.request()), Some(who.account())).await?;
    told?;
    Ok(NoContent)
}
