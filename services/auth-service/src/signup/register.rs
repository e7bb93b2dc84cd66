use axum::extract::State;
use db::{LookupFunction, Reason};
use identity::check_strength;
use kernel::LoginEmail;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;
use web::{Accepted, ClientAddress, Error, Json, Result};

use crate::{
    App,
    email_token::{EmailSent, EmailToken, ResendConfirmationRequest},
    hashing::hashing_failed,
    mail::{Message, UntrustedText},
    throttle::AttemptKey,
};

/// Request to register a user and their company.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterRequest {
    /// E-mail address for logins.
    email: LoginEmail,
    /// Password of at least 8 characters; rejected if its estimated number of guesses is too low.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, format = Password, example = "correct-horse-battery", max_length = 4096)]
    password: SecretString,
    /// Name shown to other members.
    #[validate(length(min = 1, max = 200), custom(function = "web::single_line"))]
    #[schema(example = "Ana Lima", min_length = 1, max_length = 200)]
    display_name: String,
    /// Name of the company, which becomes that of the account.
    #[validate(length(min = 1, max = 200), custom(function = "web::single_line"))]
    #[schema(example = "Acme Ltd.", min_length = 1, max_length = 200)]
    account_name: String,
}

const BEGIN: LookupFunction =
    LookupFunction::new("select begin_signup from app.begin_signup($1, $2, $3, $4, $5)");
const RENEW: LookupFunction = LookupFunction::new("select renew_signup from app.renew_signup($1, $2)");

/// Register a user and their company.
///
/// Sends an e-mail with a token. The token and the password together confirm the registration and open the account. The
/// response for a known address is the same: its owner receives a different e-mail.
#[utoipa::path(post, path = "/api/v1/auth/register", tag = "auth", security(()))]
pub(crate) async fn register(
    State(app): State<App>,
    from: ClientAddress,
    Json(new): Json<RegisterRequest>,
) -> Result<Accepted<EmailSent>> {
    let words = [new.email.as_str(), &new.display_name, &new.account_name];
    check_strength(new.password.expose_secret(), &words)
        .map_err(|weakness| Error::invalid("/password", "weak", weakness.to_string()))?;
    let holders = app.throttle.holders(&[AttemptKey::Login(&new.email), AttemptKey::From(from)]);
    let place = app.hasher.reserve(&holders).map_err(hashing_failed)?;
    app.throttle.count(&app.db, &[AttemptKey::Mail(&new.email)]).await?;
    count(&app, from).await?;
    let hash = place.hash(new.password).await.map_err(hashing_failed)?;
    let token = EmailToken::generate()?;
    #[expect(clippy::disallowed_methods, reason = "nobody is anybody before they have confirmed")]
    let mut tx = app.db.begin_unscoped(Reason::SignUp).await?;
    let known: Option<(bool,)> = tx
        .ask(BEGIN, |row| {
            row.bind(&token.hash);
            row.bind(&new.email);
            row.bind(&new.display_name);
            row.bind(&new.account_name);
            row.bind(hash);
        })
        .await?;
    tx.commit().await?;
    app.mail.post(if known == Some((true,)) {
        Message::already_known(&app.pages, &new.email)
    } else {
        Message::confirm_signup(
            &app.pages,
            &new.email,
            Some(&UntrustedText::new(&new.account_name)),
            &token.text,
        )
    })?;
    Ok(EmailSent::to(&new.email))
}

/// Resend the confirmation e-mail.
#[utoipa::path(post, path = "/api/v1/auth/register/resend", tag = "auth", security(()))]
pub(crate) async fn resend_confirmation(
    State(app): State<App>,
    from: ClientAddress,
    Json(ResendConfirmationRequest { email }): Json<ResendConfirmationRequest>,
) -> Result<Accepted<EmailSent>> {
    app.throttle.count(&app.db, &[AttemptKey::Mail(&email)]).await?;
    count(&app, from).await?;
    let token = EmailToken::generate()?;
    #[expect(clippy::disallowed_methods, reason = "nobody is anybody before they have confirmed")]
    let mut tx = app.db.begin_unscoped(Reason::SignUp).await?;
    let waits: Option<(bool,)> = tx
        .ask(RENEW, |row| {
            row.bind(&token.hash);
            row.bind(&email);
        })
        .await?;
    tx.commit().await?;
    if waits == Some((true,)) {
        app.mail.post(Message::confirm_signup(&app.pages, &email, None, &token.text))?;
    }
    Ok(EmailSent::to(&email))
}

/// Counts the e-mail against the client address that caused it.
async fn count(app: &App, from: ClientAddress) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "nobody is anybody before they have confirmed")]
    let mut tx = app.db.begin_unscoped(Reason::SignUp).await?;
    app.quotas.count_signup(&mut tx, from).await?;
    tx.commit().await?;
    Ok(())
}
