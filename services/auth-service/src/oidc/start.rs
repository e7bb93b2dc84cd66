use axum::extract::State;
use db::{LookUp, Reason};
use kernel::AccountId;
use openidconnect::{
    CsrfToken, LoginHint, Nonce, PkceCodeChallenge, Scope, core::CoreAuthenticationFlow, url::Url,
};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Json, RequestId, Result};

use super::{
    client::{Client, client, unavailable},
    connection::{Connection, ConnectionId, domain_of},
    pending::{Pending, Proof, keep},
};
use crate::{App, AuthRefusal};

/// Somebody who wants to log in at the provider of an account.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    /// The slug of the account to work in, which leads to its provider. An e-mail alone leads nowhere: nobody has proven that its
    /// domain is theirs.
    #[validate(length(min = 1, max = 48))]
    #[schema(example = "acme-ltd")]
    account: String,
    /// Theirs: the provider is told it, if its domain is connected to the account.
    #[serde(default, deserialize_with = "web::trimmed_option")]
    #[validate(length(min = 3, max = 254))]
    #[schema(example = "ana@acme.test")]
    email: Option<String>,
}

/// Where the login goes on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Started {
    /// Send the browser there.
    #[schema(value_type = String)]
    authorization_url: Url,
    /// What it comes back with. Keep it in the browser's session: a login that was begun elsewhere is not yours to finish.
    state: String,
    /// Seconds until it is too late to finish.
    #[schema(example = 600)]
    expires_in: u32,
}

#[derive(FromRow)]
struct Found {
    account_id: AccountId,
    connection_id: ConnectionId,
}

const LOOK_UP: LookUp = LookUp::new("select account_id, connection_id from app.oidc_connection_for($1, $2)");

/// Start to log in at the account's identity provider.
///
/// The provider sends the browser back to the front-end with `state` and `code`: finish with them.
#[utoipa::path(post, path = "/api/v1/auth/oidc/start", tag = "auth", security(()))]
pub(crate) async fn start_oidc_login(
    State(app): State<App>,
    request: RequestId,
    Json(start): Json<Start>,
) -> Result<Json<Started>> {
    let parts = app.oidc.parts()?;
    let redirect = parts.redirect.clone().ok_or(AuthRefusal::OidcNotConfigured)?;
    // No connection is held while the provider is asked: it may take a thousand times as long.
    let (account, connection) = find(&app, request, &start).await?;
    let us = connection.client(&parts.sealer, account)?;
    let provider = Box::pin(parts.providers.get(&parts.outbound, connection.issuer()?)).await;
    let client = client(&provider.map_err(unavailable)?, us, redirect);
    let (authorization_url, state, proof) = ask(&client, start.email);
    let pending = Pending { account, connection: connection.id, proof };
    // A provider could name a script where a page should be.
    parts.outbound.admits(&authorization_url).map_err(unavailable)?;
    keep(&app, parts, state.secret(), &pending).await?;
    Ok(Json(Started { authorization_url, state: state.into_secret(), expires_in: 600 }))
}

async fn find(app: &App, request: RequestId, start: &Start) -> Result<(AccountId, Connection)> {
    let domain = match start.email.as_deref() {
        Some(email) => Some(domain_of(email).ok_or(AuthRefusal::OidcNotConfigured)?),
        None => None,
    };
    #[expect(clippy::disallowed_methods, reason = "nobody knows yet who this is")]
    let mut tx = app.db.system(Reason::SignIn).await?;
    let found = tx.ask(LOOK_UP, |row| {
        row.put(domain);
        row.put(&start.account);
    });
    let Found { account_id, connection_id } = found.await?.ok_or(AuthRefusal::OidcNotConfigured)?;
    let mut tx = tx.enter(account_id, Uuid::nil().into(), request.0).await?;
    let connection = Connection::find(&mut tx, connection_id).await?.ok_or(AuthRefusal::OidcNotConfigured)?;
    tx.commit().await?;
    Ok((account_id, connection))
}

fn ask(client: &Client, email: Option<String>) -> (Url, CsrfToken, Proof) {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let request = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("email".to_owned()))
        .set_pkce_challenge(challenge);
    let request = match email {
        Some(email) => request.set_login_hint(LoginHint::new(email)),
        None => request,
    };
    let (url, state, nonce) = request.url();
    (url, state, Proof { nonce, verifier })
}
