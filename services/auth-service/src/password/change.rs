use axum::extract::State;
use db::LookUp;
use identity::strength;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;
use web::{ClientAddress, Error, Json, Known, NoContent, RequestId, Result};

use super::{
    end_everywhere,
    mine::{Mine, show},
};
use crate::{
    App,
    mail::Letter,
    sessions::{end::end_others, hashing_failed},
};

/// A person who wants another password.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// The one they have.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String, format = Password)]
    current_password: SecretString,
    /// Hard to guess: judged by how many guesses it would take.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String, format = Password)]
    new_password: SecretString,
}

const END_TOKENS: LookUp = LookUp::new("select from app.end_my_tokens()");
const REPLACE: LookUp = LookUp::new("select from app.replace_password_hash($1)");

/// Change my password.
///
/// Every other session of mine ends, in every account.
#[utoipa::path(post, path = "/api/v1/auth/password", tag = "auth")]
pub(crate) async fn change_password(
    State(app): State<App>,
    Known(who): Known,
    from: ClientAddress,
    Json(asked): Json<NewPassword>,
) -> Result<NoContent> {
    let Mine { email, counted, holders } = show(&app, &who, from, asked.current_password).await?;
    strength(asked.new_password.expose_secret(), &[email.as_str()])
        .map_err(|weakness| Error::invalid("/new_password", "weak", weakness.to_string()))?;
    let place = app.hasher.place(&holders).map_err(hashing_failed)?;
    let hash = place.hash(asked.new_password).await.map_err(hashing_failed)?;
    // Before, so that being cut off leaves no session behind; and after, for whoever came in with the old one meanwhile.
    end_everywhere(&app, who.user(), RequestId(who.request()), Some(who.account())).await?;
    let mut tx = app.db.begin(&who).await?;
    tx.look_up::<()>(END_TOKENS).run().await?; // an address that somebody else has asked for, as well
    tx.look_up::<()>(REPLACE).bind(hash).run().await?;
    end_others(&mut tx, &who, "password").await?;
    counted.forgive(&mut tx).await?;
    tx.commit().await?;
    let told = app.mail.post(Letter::password_changed(&email)); // whatever becomes of the rest
    end_everywhere(&app, who.user(), RequestId(who.request()), Some(who.account())).await?;
    told?;
    Ok(NoContent)
}
