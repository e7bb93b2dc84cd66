use axum::extract::State;
use db::{Change, FromRow, LookupFunction, Reason, SessionRevocation, TenantCommand, TenantQuery};
use identity::RefreshToken;
use kernel::UserId;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Json, RequestId, Result};

use super::{OpenedSession, TokenHolder, TokenPair, issue};
use crate::{App, AuthRefusal};

/// Request for a new pair of tokens.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshRequest {
    /// Refresh token from the last token response.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, max_length = 4096)]
    refresh_token: SecretString,
}

#[derive(FromRow)]
struct SessionRow {
    user_id: UserId,
    seed: Vec<u8>,
    epoch: i32,
    generation: i32,
    ended: bool,
}

/// Kind of use of a presented refresh token.
#[derive(Debug, PartialEq, Eq)]
enum TokenUse {
    /// Current token: it is rotated.
    Rotates,
    /// Previous token: the response was lost, or two requests were concurrent. Its successor is returned again until it
    /// is used.
    Repeats,
    /// Older token: a copy of it exists, so the session is revoked.
    Reused,
}

impl SessionRow {
    fn use_of(&self, generation: i32) -> TokenUse {
        match self.generation - generation {
            0 => TokenUse::Rotates,
            1 => TokenUse::Repeats,
            _ => TokenUse::Reused,
        }
    }
}

const FIND: TenantQuery = TenantQuery::new(
    "select s.user_id, s.seed, s.epoch, s.generation,
            s.revoked_at is not null or s.expires_at < now() or s.rotated_at < now() - make_interval(mins => a.session_idle_minutes) as ended
     from app.sessions s join app.accounts a on a.account_id = s.account_id where s.account_id = $1 and s.id = $2 and s.kind = 'login' for update of s",
);
const ROTATE: TenantCommand = TenantCommand::new(
    "update app.sessions set generation = generation + 1, rotated_at = now() where account_id = $1 and id = $2",
);
const END_REUSED: SessionRevocation = SessionRevocation::new(
    "update app.sessions set revoked_at = now(), revoked_for = 'reuse' where account_id = $1 and id = $2
     returning id, epoch, revoked_at",
);
/// True if both the transaction's user and its account are active.
pub(crate) const STILL_HERE: LookupFunction =
    LookupFunction::new("select user_status = 'active' and account_status = 'active' from app.whoami()");

/// Refresh the tokens of a session.
///
/// Repeating a refresh token returns the same successor, for a client that lost the response. Once the successor was
/// used, repeating it ends the session, because a copy of the token must exist.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "auth", security(()))]
pub(crate) async fn refresh_session(
    State(app): State<App>,
    request: RequestId,
    Json(shown): Json<RefreshRequest>,
) -> Result<Json<TokenPair>> {
    let token =
        RefreshToken::read(shown.refresh_token.expose_secret()).ok_or(AuthRefusal::RefreshTokenInvalid)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the token names its account; the session's seed proves it"
    )]
    let mut tx = app.db.begin_as(Reason::Refresh, token.account, Uuid::nil().into(), request.0).await?;
    let kept = tx.read::<SessionRow>(FIND).bind(token.session).optional().await?;
    let kept = kept.filter(|kept| !kept.ended && app.refresh.made(&token, &kept.seed));
    let kept = kept.ok_or(AuthRefusal::RefreshTokenInvalid)?;
    tx.impersonate(kept.user_id);

    let used = kept.use_of(token.generation);
    if used == TokenUse::Reused {
        let ended = Change::new("auth.session.ended", "session", token.session.into(), "reused");
        tx.audit(ended);
        tx.revoke_sessions(END_REUSED).bind(token.session).run().await?;
        tx.commit().await?;
        tracing::warn!(account.id = %token.account, session.id = %token.session, "a refresh token was used twice");
        return Err(AuthRefusal::RefreshTokenReused.into());
    }
    let holder = TokenHolder::find(&mut tx, kept.user_id).await?.filter(|holder| holder.is_active);
    let holder = holder.ok_or(AuthRefusal::RefreshTokenInvalid)?;
    if used == TokenUse::Rotates {
        tx.execute_with_next(ROTATE, |row| row.bind(token.session));
    }
    let session = OpenedSession {
        user: kept.user_id,
        id: token.session,
        epoch: kept.epoch,
        generation: token.generation + 1,
        seed: &kept.seed,
    };
    let next = issue(&app, token.account, &session, holder)?;
    tx.commit().await?;
    Ok(Json(next))
}
