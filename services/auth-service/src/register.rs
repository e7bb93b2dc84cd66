use axum::{extract::State, http::HeaderMap};
use db::{LookUp, Reason};
use identity::strength;
use kernel::{AccountId, UserId};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Created, Error, Json, RequestId, Result};

use crate::{
    App, AuthRefusal, accounts,
    sessions::{Tokens, hashing_failed, open_session},
    slug::slug,
};

/// A person who opens an account.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    /// What they log in with.
    #[validate(email, length(max = 254))]
    #[schema(example = "ana@acme.test")]
    email: String,
    /// Hard to guess: 8 characters or more, judged by how many guesses it would take.
    #[schema(value_type = String, format = Password, example = "correct-horse-battery")]
    password: SecretString,
    /// What others call them.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "Ana Lima")]
    display_name: String,
    /// The company.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "Acme Ltd.")]
    account_name: String,
}

const ADD_USER: LookUp = LookUp::new("select from app.add_user($1, $2, $3, $4)");
const OPEN_ACCOUNT: LookUp = LookUp::new("select open_account from app.open_account($1, $2)");

/// Register a person and their company.
///
/// The person becomes its owner, and is logged in.
#[utoipa::path(post, path = "/api/v1/auth/register", tag = "auth", security(()))]
pub(crate) async fn register(
    State(app): State<App>,
    request: RequestId,
    headers: HeaderMap,
    Json(new): Json<Registration>,
) -> Result<Created<Tokens>> {
    let words = [new.email.as_str(), &new.display_name, &new.account_name];
    strength(secrecy::ExposeSecret::expose_secret(&new.password), &words)
        .map_err(|weakness| Error::invalid("/password", "weak", weakness.to_string()))?;
    let hash = app.hasher.hash(new.password.clone()).await.map_err(hashing_failed)?;

    let (account, user) = (AccountId::new(), UserId::new());
    #[expect(clippy::disallowed_methods, reason = "the account does not exist before this")]
    let mut tx = app.db.system(Reason::SignUp).await?;
    tx.ask::<Nothing>(ADD_USER, |row| {
        row.put(user);
        row.put(&new.email);
        row.put(&new.display_name);
        row.put(hash);
    })
    .await
    .map_err(|error| {
        if error.constraint() == Some("uq_users_email") { AuthRefusal::EmailTaken.into() } else { error }
    })?;
    let wanted = slug(&new.account_name);
    let opened: Option<(Option<String>,)> = tx
        .ask(OPEN_ACCOUNT, |row| {
            row.put(account);
            row.put(wanted);
        })
        .await?;
    let slug = opened.and_then(|(slug,)| slug).ok_or_else(|| Error::Internal("no slug is free".into()))?;

    let mut tx = tx.enter(account, user, request.0).await?;
    accounts::open(&mut tx, account, &new.account_name, &slug, user).await?;
    let tokens = open_session(&app, &mut tx, account, user, &headers).await?;
    tx.commit().await?;
    Ok(Created(format!("/api/v1/accounts/{}", Uuid::from(account)), tokens))
}

/// A row without columns.
#[derive(sqlx::FromRow)]
struct Nothing {}
