use axum::extract::State;
use db::{LookUp, Reason};
use identity::strength;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;
use web::{Accepted, ClientAddress, Error, Json, Result};

use super::Sent;
use crate::{
    App,
    mail::{Letter, UntrustedText},
    one_time::OneTime,
    sessions::hashing_failed,
    throttle::Of,
};

/// A person who opens an account.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    /// What they log in with.
    #[serde(deserialize_with = "web::trimmed")]
    #[validate(email, length(max = 254), custom(function = "web::ascii"))]
    #[schema(example = "ana@acme.test")]
    email: String,
    /// Hard to guess: 8 characters or more, judged by how many guesses it would take.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String, format = Password, example = "correct-horse-battery")]
    password: SecretString,
    /// What others call them.
    #[validate(length(min = 1, max = 200), custom(function = "web::one_line"))]
    #[schema(example = "Ana Lima")]
    display_name: String,
    /// The company.
    #[validate(length(min = 1, max = 200), custom(function = "web::one_line"))]
    #[schema(example = "Acme Ltd.")]
    account_name: String,
}

/// Somebody whose letter did not arrive.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Address {
    /// Theirs.
    #[serde(deserialize_with = "web::trimmed")]
    #[validate(email, length(max = 254), custom(function = "web::ascii"))]
    #[schema(example = "ana@acme.test")]
    pub(crate) email: String,
}

const BEGIN: LookUp = LookUp::new("select begin_signup from app.begin_signup($1, $2, $3, $4, $5)");
const RENEW: LookUp = LookUp::new("select renew_signup from app.renew_signup($1, $2)");

/// Register a person and their company.
///
/// A letter goes to the address; whoever shows its token and the password becomes the owner of the new account. The
/// answer for an address that we know is the same: its owner gets another letter.
#[utoipa::path(post, path = "/api/v1/auth/register", tag = "auth", security(()))]
pub(crate) async fn register(
    State(app): State<App>,
    from: ClientAddress,
    Json(new): Json<Registration>,
) -> Result<Accepted<Sent>> {
    let words = [new.email.as_str(), &new.display_name, &new.account_name];
    strength(new.password.expose_secret(), &words)
        .map_err(|weakness| Error::invalid("/password", "weak", weakness.to_string()))?;
    let holders = app.throttle.holders(&[Of::Login(&new.email), Of::From(from)]);
    let place = app.hasher.place(&holders).map_err(hashing_failed)?;
    app.throttle.count(&app, &[Of::Mail(&new.email)]).await?;
    count(&app, from).await?;
    let hash = place.hash(new.password).await.map_err(hashing_failed)?;
    let token = OneTime::generate()?;
    #[expect(clippy::disallowed_methods, reason = "nobody is anybody before they have confirmed")]
    let mut tx = app.db.system(Reason::SignUp).await?;
    let known: Option<(bool,)> = tx
        .ask(BEGIN, |row| {
            row.put(&token.hash);
            row.put(&new.email);
            row.put(&new.display_name);
            row.put(&new.account_name);
            row.put(hash);
        })
        .await?;
    tx.commit().await?;
    app.mail.post(if known == Some((true,)) {
        Letter::already_known(&app.pages, &new.email)
    } else {
        Letter::confirm_signup(
            &app.pages,
            &new.email,
            Some(&UntrustedText::new(&new.account_name)),
            &token.text,
        )
    })?;
    Ok(Sent::to(&new.email))
}

/// Send the letter again.
#[utoipa::path(post, path = "/api/v1/auth/register/resend", tag = "auth", security(()))]
pub(crate) async fn resend_confirmation(
    State(app): State<App>,
    from: ClientAddress,
    Json(Address { email }): Json<Address>,
) -> Result<Accepted<Sent>> {
    app.throttle.count(&app, &[Of::Mail(&email)]).await?;
    count(&app, from).await?;
    let token = OneTime::generate()?;
    #[expect(clippy::disallowed_methods, reason = "nobody is anybody before they have confirmed")]
    let mut tx = app.db.system(Reason::SignUp).await?;
    let waits: Option<(bool,)> = tx
        .ask(RENEW, |row| {
            row.put(&token.hash);
            row.put(&email);
        })
        .await?;
    tx.commit().await?;
    if waits == Some((true,)) {
        app.mail.post(Letter::confirm_signup(&app.pages, &email, None, &token.text))?;
    }
    Ok(Sent::to(&email))
}

/// Counts the e-mail by the address that it is caused from.
async fn count(app: &App, from: ClientAddress) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "nobody is anybody before they have confirmed")]
    let mut tx = app.db.system(Reason::SignUp).await?;
    app.quotas.count_signup(&mut tx, from).await?;
    tx.commit().await?;
    Ok(())
}
