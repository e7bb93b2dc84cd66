use axum::extract::State;
use db::{LookUp, Reason};
use identity::strength;
use kernel::UserId;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sqlx::FromRow;
use utoipa::ToSchema;
use validator::Validate;
use web::{Accepted, ClientAddress, Error, Json, NoContent, RequestId, Result};

use super::end_everywhere;
use crate::{
    App, AuthRefusal,
    mail::Letter,
    one_time::{self, OneTime},
    sessions::hashing_failed,
    signup::{Sent, register::Address},
    throttle::Of,
};

/// Somebody who has read the letter.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reset {
    /// From the letter.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String)]
    token: SecretString,
    /// Hard to guess: judged by how many guesses it would take.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String, format = Password)]
    new_password: SecretString,
}

#[derive(FromRow)]
struct Whose {
    user_id: UserId,
    email: String,
}

const BEGIN: LookUp = LookUp::new("select begin_password_reset from app.begin_password_reset($1, $2)");
const WHOSE: LookUp = LookUp::new("select user_id, email from app.one_time_token($1, $2)");
const RESET: LookUp = LookUp::new("select reset_password from app.reset_password($1, $2)");

/// Ask for another password.
///
/// A letter goes to the address, if it is somebody's; its token is good once, for 30 minutes. The answer is the same in
/// any case.
#[utoipa::path(post, path = "/api/v1/auth/password/reset", tag = "auth", security(()))]
pub(crate) async fn request_password_reset(
    State(app): State<App>,
    from: ClientAddress,
    Json(Address { email }): Json<Address>,
) -> Result<Accepted<Sent>> {
    app.throttle.count(&app, &[Of::Mail(&email), Of::LettersFrom(from)]).await?;
    let token = OneTime::generate()?;
    #[expect(clippy::disallowed_methods, reason = "nobody knows yet who this is")]
    let mut tx = app.db.system(Reason::OwnChange).await?;
    let kept: Option<(Option<String>,)> = tx
        .ask(BEGIN, |row| {
            row.put(&token.hash);
            row.put(&email);
        })
        .await?;
    tx.commit().await?;
    // A letter for nobody as well: the time that it takes says nothing.
    let (to, known) = kept.and_then(|(kept,)| kept).map_or((email.clone(), false), |kept| (kept, true));
    let letter = Letter::reset_password(&app.pages, &to, &token.text);
    if known {
        app.mail.post(letter)?;
    }
    Ok(Sent::to(&email))
}

/// Set another password, with the token of the letter.
///
/// Every session of mine ends, in every account, and a wait for wrong passwords ends too.
#[utoipa::path(post, path = "/api/v1/auth/password/reset/confirm", tag = "auth", security(()))]
pub(crate) async fn reset_password(
    State(app): State<App>,
    request: RequestId,
    from: ClientAddress,
    Json(Reset { token, new_password }): Json<Reset>,
) -> Result<NoContent> {
    let token = one_time::hash_of(&token);
    let Whose { user_id, email } = whose(&app, &token).await?.ok_or(AuthRefusal::TokenInvalid)?;
    strength(new_password.expose_secret(), &[email.as_str()])
        .map_err(|weakness| Error::invalid("/new_password", "weak", weakness.to_string()))?;
    let holders = app.throttle.holders(&[Of::Login(&email), Of::From(from)]);
    let place = app.hasher.place(&holders).map_err(hashing_failed)?;
    let hash = place.hash(new_password).await.map_err(hashing_failed)?;
    // Before, so that being cut off leaves no session behind; and after, for whoever came in with the old one meanwhile.
    end_everywhere(&app, user_id, request, None).await?;
    #[expect(clippy::disallowed_methods, reason = "the token says whose password it is")]
    let mut tx = app.db.system(Reason::OwnChange).await?;
    let first: Option<(bool,)> = tx
        .ask(RESET, |row| {
            row.put(&token);
            row.put(hash);
        })
        .await?;
    if first != Some((true,)) {
        return Err(AuthRefusal::TokenInvalid.into()); // shown twice at once
    }
    // Whoever reads the letter does not wait for those who guessed the password of before.
    app.throttle.key(Of::Login(&email)).forgive_outside(&mut tx).await?;
    tx.commit().await?;
    let told = app.mail.post(Letter::password_changed(&email)); // whatever becomes of the rest
    end_everywhere(&app, user_id, request, None).await?;
    told?;
    Ok(NoContent)
}

async fn whose(app: &App, token: &[u8]) -> Result<Option<Whose>> {
    #[expect(clippy::disallowed_methods, reason = "the token says who this is")]
    let mut tx = app.db.system(Reason::OwnChange).await?;
    let whose = tx.ask(WHOSE, |row| {
        row.put(token.to_vec());
        row.put("password");
    });
    Ok(whose.await?)
}
