//! A person's address, and how it becomes another.

use axum::extract::State;
use db::{Change, LookUp, Reason};
use kernel::UserId;
use secrecy::SecretString;
use serde::Deserialize;
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use validator::Validate;
use web::{Accepted, ClientAddress, Json, Known, NoContent, RequestId, Result};

use crate::{
    App, AuthRefusal, factor,
    mail::{Letter, UntrustedText},
    one_time::{self, OneTime},
    password::{self, own},
    sessions::fresh,
    signup::{Sent, confirm::taken},
    throttle::Of,
};

/// A person who moves to another address.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEmail {
    /// Where the letter goes that confirms it.
    #[serde(deserialize_with = "web::trimmed")]
    #[validate(email, length(max = 254), custom(function = "web::ascii"))]
    new_email: String,
    /// Theirs: a stolen access token is not enough.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Somebody who has read the letter.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proof {
    /// From the letter.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String)]
    token: SecretString,
}

#[derive(FromRow)]
struct Moved {
    user_id: UserId,
    was: String,
    is_now: String,
}

const BEGIN: LookUp = LookUp::new("select begin_email_change from app.begin_email_change($1, $2)");
const CHANGE: LookUp = LookUp::new("select user_id, was, is_now from app.change_email($1)");

/// Ask for another address.
///
/// Both addresses are written to; it changes when the new one is confirmed. The answer does not tell whether somebody
/// else has it. Whoever has a second factor needs a fresh session: see `POST /api/v1/auth/step-up`.
#[utoipa::path(post, path = "/api/v1/auth/email", tag = "auth")]
pub(crate) async fn request_email_change(
    State(app): State<App>,
    Known(who): Known,
    from: ClientAddress,
    Json(asked): Json<NewEmail>,
) -> Result<Accepted<Sent>> {
    let mut tx = app.db.begin_reading(&who).await?;
    if factor::is_on(&mut tx).await? {
        fresh(&mut tx, &who).await?;
    }
    tx.commit().await?;
    let mine = password::show(&app, &who, from, asked.password).await?;
    app.throttle.count(&app, &[Of::Mail(&asked.new_email)]).await?;
    let token = OneTime::generate()?;
    let mut tx = app.db.begin(&who).await?;
    app.quotas.count_email(&mut tx).await?;
    let free: Option<(bool,)> = tx.look_up(BEGIN).bind(&token.hash).bind(&asked.new_email).optional().await?;
    mine.counted.forgive(&mut tx).await?;
    tx.commit().await?;
    app.mail.post(Letter::email_is_to_change(&mine.email, &UntrustedText::new(&asked.new_email)))?;
    if free == Some((true,)) {
        app.mail.post(Letter::confirm_email(&app.pages, &asked.new_email, &token.text))?;
    }
    Ok(Sent::to(&asked.new_email))
}

/// Confirm my new address, with the token of the letter.
#[utoipa::path(post, path = "/api/v1/auth/email/confirm", tag = "auth", security(()))]
pub(crate) async fn confirm_email(
    State(app): State<App>,
    request: RequestId,
    Json(Proof { token }): Json<Proof>,
) -> Result<NoContent> {
    let token = one_time::hash_of(&token);
    #[expect(clippy::disallowed_methods, reason = "the token says who this is")]
    let mut tx = app.db.system(Reason::OwnChange).await?;
    let moved: Option<Moved> = tx.ask(CHANGE, |row| row.put(token)).await.map_err(taken)?;
    let Moved { user_id, was, is_now } = moved.ok_or(AuthRefusal::TokenInvalid)?;
    tx.commit().await?;
    // First of all: whoever did not do this must hear of it, whatever becomes of the rest.
    let new = UntrustedText::new(&is_now);
    let told = [&was, &is_now].map(|to| app.mail.post(Letter::email_changed(to, &new)));
    for account in own::accounts(&app, user_id, request).await? {
        let mut tx = own::inside(&app, account, user_id, request).await?;
        tx.note(Change::new("auth.user.email_changed", "user", user_id.into(), "email_changed"));
        tx.commit().await?;
    }
    for letter in told {
        letter?;
    }
    Ok(NoContent)
}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(request_email_change)).routes(routes!(confirm_email))
}
