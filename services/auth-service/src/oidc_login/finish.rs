use axum::extract::State;
use db::{Change, FromRow, LookupFunction, Reason, TenantCommand, TenantTx};
use kernel::{AccountId, UserId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Json, RequestId, Result};

use super::pending::{Pending, take};
use crate::{
    App, AuthRefusal,
    device::Device,
    login::LoginResponse,
    oidc::{
        connection::Connection,
        person::{Exchange, Person, refused},
    },
    sessions::{
        mark_as_of_provider, open_session,
        person::{Credentials, open_person_session},
        refresh::STILL_HERE,
    },
};

/// Response of the identity provider, as the browser returned with it.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FinishOidcRequest {
    /// `state` from the redirect URL; must match the started login.
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200)]
    state: String,
    /// Authorization code from the redirect URL.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, max_length = 4096)]
    code: SecretString,
    /// Issuer from the redirect URL, if present (RFC 9207); prevents mix-up attacks between providers.
    #[validate(length(min = 1, max = 500))]
    #[schema(min_length = 1, max_length = 500)]
    iss: Option<String>,
}

#[derive(FromRow)]
struct Identified {
    user_id: UserId,
    linked: bool,
}

const IDENTIFY: LookupFunction =
    LookupFunction::new("select user_id, linked from app.identify($1, $2, $3, $4)");
const IS_OUTSIDE: LookupFunction = LookupFunction::new("select is_outside from app.is_outside()");
const USED: TenantCommand = TenantCommand::new(
    "update app.memberships set last_used_at = now() where account_id = $1 and user_id = $2",
);

/// Finish a login at the account's identity provider.
///
/// Each state works once, even if the login fails. A first login links the provider's identity to the member with the
/// verified e-mail. Later logins use the provider's subject identifier. A former member of the account who is in no
/// other gets a person token, to accept a new invitation to it.
#[utoipa::path(post, path = "/api/v1/auth/oidc/finish", tag = "auth", security(()))]
pub(crate) async fn finish_oidc_login(
    State(app): State<App>,
    request: RequestId,
    device: Device,
    Json(finish): Json<FinishOidcRequest>,
) -> Result<Json<LoginResponse>> {
    let parts = app.oidc.parts()?;
    let redirect = parts.redirect.clone().ok_or(AuthRefusal::OidcNotConfigured)?;
    let Pending { account, connection, proof } = take(&app, parts, &finish.state).await?;
    let mut tx = inside(&app, account, request).await?;
    let connection = Connection::find(&mut tx, connection).await?.ok_or(AuthRefusal::OidcLoginFailed)?;
    tx.commit().await?; // the provider may take a thousand times as long
    if finish.iss.is_some_and(|issuer| issuer != connection.issuer) {
        return Err(refused("the code is of another issuer"));
    }
    let us = connection.client(&parts.sealer, account)?;
    let exchange = Exchange { parts, connection: &connection, us, redirect };
    let person = Box::pin(exchange.person(finish.code.expose_secret().to_owned(), proof)).await?;
    if !connection.speaks_for(&person.email) {
        return Err(refused("the e-mail is of another domain"));
    }

    let mut tx = inside(&app, account, request).await?;
    let (user, place) = identify(&mut tx, &connection, &person).await?;
    let answer = match place {
        LoginTarget::Inside => {
            let tokens = open_session(&app, &mut tx, account, user, &device).await?;
            mark_as_of_provider(&mut tx, tokens.session()).await?;
            LoginResponse::Inside(tokens)
        }
        LoginTarget::Outside => LoginResponse::Outside(
            open_person_session(&app, &mut tx, user, Credentials::Provider(account)).await?,
        ),
    };
    tx.commit().await?;
    Ok(Json(answer))
}

/// Where a user named by the provider is logged in.
enum LoginTarget {
    /// Session in the account: an active member.
    Inside,
    /// Person session: left the account, and is an active member of no other.
    Outside,
}

async fn inside(app: &App, account: AccountId, request: RequestId) -> Result<TenantTx> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the pending login names the account; its provider has yet to name the person"
    )]
    let tx = app.db.begin_unscoped(Reason::SignIn).await?;
    Ok(tx.enter(account, Uuid::nil().into(), request.0))
}

/// Finds the user of the provider's identity, and impersonates them in the transaction.
async fn identify(
    tx: &mut TenantTx,
    connection: &Connection,
    person: &Person,
) -> Result<(UserId, LoginTarget)> {
    let Connection { id, issuer, client_id, .. } = connection;
    let asked = tx.look_up::<Identified>(IDENTIFY).bind(issuer).bind(&person.subject);
    let found = asked.bind(client_id).bind(&person.email).optional().await?;
    let Identified { user_id, linked } =
        found.ok_or_else(|| refused("no member has this identity or this e-mail"))?;
    tx.impersonate(user_id);
    if tx.look_up::<(bool,)>(STILL_HERE).optional().await? != Some((true,)) {
        if tx.look_up::<(bool,)>(IS_OUTSIDE).optional().await? == Some((true,)) {
            return Ok((user_id, LoginTarget::Outside));
        }
        return Err(refused("the person or the account is suspended, or they are no member"));
    }
    let used = if linked {
        let linked = Change::new("auth.identity.linked", "user", user_id.into(), "linked");
        tx.execute_audited::<()>(USED, linked.with(json!({ "issuer": issuer, "connection": id })))
    } else {
        tx.execute_untracked::<()>(USED)
    };
    used.bind(user_id).run().await?;
    Ok((user_id, LoginTarget::Inside))
}
