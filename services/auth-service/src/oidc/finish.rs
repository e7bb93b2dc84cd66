use axum::extract::State;
use db::{Change, LookUp, Reason, ScopedWrite, TenantTx};
use kernel::{AccountId, UserId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Json, RequestId, Result};

use super::{
    connection::Connection,
    pending::{Pending, take},
    person::{Exchange, Person, refused},
};
use crate::{
    App, AuthRefusal,
    login::LoggedIn,
    sessions::{
        AT_PROVIDER,
        device::Device,
        open_session,
        person::{Shown, open_person_session},
        refresh::STILL_HERE,
    },
};

/// Somebody who comes back from their provider.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finish {
    /// From the address that the provider has sent the browser to; the one that the login was started with.
    #[validate(length(min = 1, max = 200))]
    state: String,
    /// From there too.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String)]
    code: SecretString,
    /// From there too, if the provider says it (RFC 9207): a code of another provider is then told from one of this.
    #[validate(length(min = 1, max = 500))]
    iss: Option<String>,
}

#[derive(FromRow)]
struct Identified {
    user_id: UserId,
    linked: bool,
}

const IDENTIFY: LookUp = LookUp::new("select user_id, linked from app.identify($1, $2, $3, $4)");
const IS_OUTSIDE: LookUp = LookUp::new("select is_outside from app.is_outside()");
const USED: ScopedWrite = ScopedWrite::new(
    "update app.memberships set last_used_at = now() where account_id = $1 and user_id = $2",
);

/// Finish to log in at the account's identity provider.
///
/// Once for each state, whatever comes of it. Whoever logs in so for the first time must be a member of the account, with
/// the e-mail that the provider has verified; afterwards the provider's own name for them is what counts. A person who has left
/// the account, and is an active member of no other, gets a token with which they accept another invitation to it.
#[utoipa::path(post, path = "/api/v1/auth/oidc/finish", tag = "auth", security(()))]
pub(crate) async fn finish_oidc_login(
    State(app): State<App>,
    request: RequestId,
    device: Device,
    Json(finish): Json<Finish>,
) -> Result<Json<LoggedIn>> {
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
        Place::Inside => {
            let tokens = open_session(&app, &mut tx, account, user, &device).await?;
            tx.write_unnoted::<()>(AT_PROVIDER).bind(tokens.session()).run().await?;
            LoggedIn::Inside(tokens)
        }
        Place::Outside => {
            LoggedIn::Outside(open_person_session(&app, &mut tx, user, Shown::Provider(account)).await?)
        }
    };
    tx.commit().await?;
    Ok(Json(answer))
}

/// Where somebody stands whom the provider has named.
enum Place {
    /// They are an active member of its account.
    Inside,
    /// They have left it, and are an active member of no other.
    Outside,
}

async fn inside(app: &App, account: AccountId, request: RequestId) -> Result<TenantTx> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the pending login names the account; its provider has yet to name the person"
    )]
    let tx = app.db.system(Reason::SignIn).await?;
    Ok(tx.enter(account, Uuid::nil().into(), request.0).await?)
}

/// Finds the person, and goes on for them.
async fn identify(tx: &mut TenantTx, connection: &Connection, person: &Person) -> Result<(UserId, Place)> {
    let Connection { id, issuer, client_id, .. } = connection;
    let asked = tx.look_up::<Identified>(IDENTIFY).bind(issuer).bind(&person.subject);
    let found = asked.bind(client_id).bind(&person.email).optional().await?;
    let Identified { user_id, linked } =
        found.ok_or_else(|| refused("nobody here has this identity, and no member this e-mail"))?;
    tx.act_for(user_id).await?;
    if tx.look_up::<(bool,)>(STILL_HERE).optional().await? != Some((true,)) {
        if tx.look_up::<(bool,)>(IS_OUTSIDE).optional().await? == Some((true,)) {
            return Ok((user_id, Place::Outside));
        }
        return Err(refused("the person or the account is suspended, or they are no member"));
    }
    let used = if linked {
        let linked = Change::new("auth.identity.linked", "user", user_id.into(), "linked");
        tx.write_noted::<()>(USED, linked.with(json!({ "issuer": issuer, "connection": id })))
    } else {
        tx.write_unnoted::<()>(USED)
    };
    used.bind(user_id).run().await?;
    Ok((user_id, Place::Inside))
}
