use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts as _, Request, State},
};
use db::{Change, Ending, Reason, Scoped, TenantTx};
use identity::RefreshToken;
use kernel::{SessionId, UserId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Error, Json, Known, NoContent, RequestId, Result};

use crate::App;

/// Somebody who leaves, by their refresh token.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Logout {
    /// From the last answer. With it no access token is needed, and one that has expired is not looked at.
    #[serde(default, deserialize_with = "crate::form::some_secret")]
    #[schema(value_type = Option<String>)]
    refresh_token: Option<SecretString>,
}

/// By what the sessions are named that are to end: one token, or both.
pub(crate) struct Leaving {
    known: Option<Known>,
    shown: Option<SecretString>,
}

impl FromRequest<App> for Leaving {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let known = Known::from_request_parts(&mut parts, app).await;
        let body = Bytes::from_request(Request::from_parts(parts.clone(), body), app).await;
        let body = body.map_err(|refused| Error::Malformed(refused.body_text()))?;
        let shown = if body.is_empty() {
            None
        } else {
            let request = Request::from_parts(parts, Body::from(body));
            Json::<Logout>::from_request(request, app).await?.0.refresh_token
        };
        match shown {
            Some(shown) => Ok(Self { known: known.ok(), shown: Some(shown) }),
            None => Ok(Self { known: Some(known?), shown: None }),
        }
    }
}

const FIND: Scoped = Scoped::new(
    "select user_id, seed from app.sessions where account_id = $1 and id = $2 and kind = 'login' and revoked_at is null",
);
const END: Ending = Ending::new(
    "update app.sessions set revoked_at = now(), revoked_for = 'logout'
     where account_id = $1 and id = $2 and revoked_at is null
     returning id, epoch, revoked_at",
);

/// End my session.
///
/// Of the access token, or of a `refresh_token` in the body: then the answer is the same whether there is such a session. Its
/// tokens are good for nothing from now on.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth", request_body = Option<Logout>,
    security((), ("access_token" = [])))]
pub(crate) async fn logout(
    State(app): State<App>,
    request: RequestId,
    Leaving { known, shown }: Leaving,
) -> Result<NoContent> {
    if let Some(shown) = &shown {
        end_shown(&app, request, shown).await?;
    }
    if let Some(Known(who)) = known {
        match app.db.begin_in_maintenance(&who).await {
            Err(db::Error::Ended) if shown.is_some() => {} // both tokens are of one session
            begun => {
                let mut tx = begun?;
                end(&mut tx, who.session()).await?;
                tx.commit().await?;
            }
        }
    }
    Ok(NoContent)
}

/// Ends the session of a refresh token, of whichever generation: whoever shows it has had the session.
async fn end_shown(app: &App, request: RequestId, shown: &SecretString) -> Result<()> {
    let Some(token) = RefreshToken::read(shown.expose_secret()) else { return Ok(()) };
    #[expect(
        clippy::disallowed_methods,
        reason = "the token names its account; the session's seed proves it"
    )]
    let mut tx = app.db.system_inside(Reason::Refresh, token.account, Uuid::nil().into(), request.0).await?;
    let found: Option<(UserId, Vec<u8>)> = tx.read(FIND).bind(token.session).optional().await?;
    let Some((user, _)) = found.filter(|(_, seed)| app.refresh.made(&token, seed)) else { return Ok(()) };
    tx.act_for(user).await?;
    end(&mut tx, token.session).await?;
    Ok(tx.commit().await?)
}

async fn end(tx: &mut TenantTx, session: SessionId) -> Result<()> {
    tx.note(Change::new("auth.session.ended", "session", session.into(), "logged_out"));
    tx.end_sessions(END).bind(session).run().await?;
    Ok(())
}
