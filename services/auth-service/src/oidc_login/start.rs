use axum::extract::State;
use db::{FromRow, LookupFunction, Reason};
use kernel::AccountId;
use openidconnect::{
    CsrfToken, LoginHint, Nonce, PkceCodeChallenge, Scope, core::CoreAuthenticationFlow, url::Url,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Json, RequestId, Result};

use super::pending::{Pending, keep};
use crate::{
    App, AuthRefusal,
    oidc::{
        client::{Client, client, unavailable},
        connection::{Connection, ConnectionId, domain_of},
        person::PendingProof,
    },
};

/// Request to log in at the identity provider of an account.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartOidcRequest {
    /// Slug of the account, which determines the provider. An e-mail alone is not enough, since its domain is unproven.
    #[validate(length(min = 1, max = 48))]
    #[schema(example = "acme-ltd", min_length = 1, max_length = 48)]
    account: String,
    /// E-mail of the user, passed to the provider as a hint; its domain must be connected to the account.
    #[serde(default, deserialize_with = "web::trimmed_option")]
    #[validate(length(min = 3, max = 254))]
    #[schema(example = "ana@acme.test", min_length = 3, max_length = 254)]
    email: Option<String>,
}

/// Where the browser continues the login.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OidcAuthorization {
    /// URL of the provider to send the browser to.
    #[schema(value_type = String)]
    authorization_url: Url,
    /// State that the browser returns with. Keep it in the browser's session and compare it, to prevent login CSRF.
    state: String,
    /// Seconds until the pending login expires.
    #[schema(example = 600)]
    expires_in: u32,
}

#[derive(FromRow)]
struct ConnectionRow {
    account_id: AccountId,
    connection_id: ConnectionId,
}

const LOOK_UP: LookupFunction =
    LookupFunction::new("select account_id, connection_id from app.oidc_connection_for($1, $2)");

/// Start a login at the account's identity provider.
///
/// The provider redirects the browser to the front-end with `state` and `code`; use them to finish the login.
#[utoipa::path(post, path = "/api/v1/auth/oidc/start", tag = "auth", security(()))]
pub(crate) async fn start_oidc_login(
    State(app): State<App>,
    request: RequestId,
    Json(start): Json<StartOidcRequest>,
) -> Result<Json<OidcAuthorization>> {
    let parts = app.oidc.parts()?;
    let redirect = parts.redirect.clone().ok_or(AuthRefusal::OidcNotConfigured)?;
    // No database connection is held during the request to the provider, which may take a thousand times as long.
    let (account, connection) = find(&app, request, &start).await?;
    let us = connection.client(&parts.sealer, account)?;
    let provider = Box::pin(parts.providers.get(&parts.outbound, connection.issuer()?)).await;
    let client = client(&provider.map_err(unavailable)?, us, redirect);
    let (authorization_url, state, proof) = ask(&client, start.email);
    let pending = Pending { account, connection: connection.id, proof };
    // A provider's metadata could name a `javascript:` URL as its authorization endpoint.
    parts.outbound.admits(&authorization_url).map_err(unavailable)?;
    keep(&app, parts, state.secret(), &pending).await?;
    Ok(Json(OidcAuthorization { authorization_url, state: state.into_secret(), expires_in: 600 }))
}

async fn find(app: &App, request: RequestId, start: &StartOidcRequest) -> Result<(AccountId, Connection)> {
    let domain = match start.email.as_deref() {
        Some(email) => Some(domain_of(email).ok_or(AuthRefusal::OidcNotConfigured)?),
        None => None,
    };
    #[expect(clippy::disallowed_methods, reason = "nobody knows yet who this is")]
    let mut tx = app.db.begin_unscoped(Reason::SignIn).await?;
    let found = tx.ask(LOOK_UP, |row| {
        row.bind(domain);
        row.bind(&start.account);
    });
    let ConnectionRow { account_id, connection_id } = found.await?.ok_or(AuthRefusal::OidcNotConfigured)?;
    let mut tx = tx.enter(account_id, Uuid::nil().into(), request.0);
    let connection = Connection::find(&mut tx, connection_id).await?.ok_or(AuthRefusal::OidcNotConfigured)?;
    tx.commit().await?;
    Ok((account_id, connection))
}

fn ask(client: &Client, email: Option<String>) -> (Url, CsrfToken, PendingProof) {
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
    (url, state, PendingProof { nonce, verifier })
}
