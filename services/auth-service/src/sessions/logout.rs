use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts as _, Request, State},
};
use db::{Change, Reason, SessionRevocation, TenantQuery, TenantTx};
use identity::RefreshToken;
use kernel::{SessionId, UserId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{AuthenticatedUser, Error, Json, NoContent, RequestId, Result};

use crate::App;

/// Request body of a logout by refresh token.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogoutRequest {
    /// Refresh token from the last token response. With it, no access token is needed, and an expired one is ignored.
    #[serde(default, deserialize_with = "crate::validators::some_secret")]
    #[schema(value_type = Option<String>, max_length = 4096)]
    refresh_token: Option<SecretString>,
}

/// Tokens that name the sessions to end: an access token, a refresh token, or both.
pub(crate) struct LogoutTokens {
    known: Option<AuthenticatedUser>,
    shown: Option<SecretString>,
}

impl FromRequest<App> for LogoutTokens {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let known = AuthenticatedUser::from_request_parts(&mut parts, app).await;
        let body = Bytes::from_request(Request::from_parts(parts.clone(), body), app).await;
        let body = body.map_err(|refused| Error::Malformed(refused.body_text()))?;
        let shown = if body.is_empty() {
            None
        } else {
            let request = Request::from_parts(parts, Body::from(body));
            Json::<LogoutRequest>::from_request(request, app).await?.0.refresh_token
        };
        match shown {
            Some(shown) => Ok(Self { known: known.ok(), shown: Some(shown) }),
            None => Ok(Self { known: Some(known?), shown: None }),
        }
    }
}

const FIND: TenantQuery = TenantQuery::new(
    "select user_id, seed from app.sessions where account_id = $1 and id = $2 and kind = 'login' and revoked_at is null",
);
const END_SESSION: SessionRevocation = SessionRevocation::new(
    "update app.sessions set revoked_at = now(), revoked_for = 'logout'
     where account_id = $1 and id = $2 and revoked_at is null
     returning id, epoch, revoked_at",
);

/// Log out.
///
/// Ends the session of the access token, or of a `refresh_token` in the body. With the latter, the response does not
/// reveal whether the session exists. All tokens of the session are revoked.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth", request_body = Option<LogoutRequest>,
    security((), ("access_token" = [])))]
pub(crate) async fn logout(
    State(app): State<App>,
    request: RequestId,
    LogoutTokens { known, shown }: LogoutTokens,
) -> Result<NoContent> {
    if let Some(shown) = &shown {
        end_shown(&app, request, shown).await?;
    }
    if let Some(AuthenticatedUser(who)) = known {
        match app.db.begin_in_maintenance(&who).await {
            Err(db::Error::SessionEnded) if shown.is_some() => {} // both tokens belong to one session
            begun => {
                let mut tx = begun?;
                end(&mut tx, who.session()).await?;
                tx.commit().await?;
            }
        }
    }
    Ok(NoContent)
}

/// Revokes the session of a refresh token of any generation: its holder had the session.
async fn end_shown(app: &App, request: RequestId, shown: &SecretString) -> Result<()> {
    let Some(token) = RefreshToken::read(shown.expose_secret()) else { return Ok(()) };
    #[expect(
        clippy::disallowed_methods,
        reason = "the token names its account; the session's seed proves it"
    )]
    let mut tx = app.db.begin_as(Reason::Refresh, token.account, Uuid::nil().into(), request.0).await?;
    let found: Option<(UserId, Vec<u8>)> = tx.read(FIND).bind(token.session).optional().await?;
    let Some((user, _)) = found.filter(|(_, seed)| app.refresh.made(&token, seed)) else { return Ok(()) };
    tx.impersonate(user);
    end(&mut tx, token.session).await?;
    Ok(tx.commit().await?)
}

async fn end(tx: &mut TenantTx, session: SessionId) -> Result<()> {
    tx.audit(Change::new("auth.session.ended", "session", session.into(), "logged_out"));
    tx.revoke_sessions(END_SESSION).bind(session).run().await?;
    Ok(())
}
