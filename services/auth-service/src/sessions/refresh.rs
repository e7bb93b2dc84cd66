use axum::extract::State;
use db::{Change, Ending, LookUp, Reason, Scoped, ScopedWrite};
use identity::RefreshToken;
use kernel::UserId;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Json, RequestId, Result};

use super::{Opened, Tokens, tokens};
use crate::{App, AuthRefusal};

/// Somebody whose access token ends.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refresh {
    /// From the last answer.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String)]
    refresh_token: SecretString,
}

#[derive(FromRow)]
struct Kept {
    user_id: UserId,
    seed: Vec<u8>,
    epoch: i32,
    generation: i32,
    ended: bool,
}

/// What becomes of a refresh token that is shown.
#[derive(Debug, PartialEq, Eq)]
enum Use {
    /// The current one: the next takes its place.
    Rotates,
    /// The one before: the answer was lost, or two asked at once; the successor is given again until somebody uses it.
    Repeats,
    /// An older one: somebody kept a copy.
    Betrays,
}

impl Kept {
    fn use_of(&self, generation: i32) -> Use {
        match self.generation - generation {
            0 => Use::Rotates,
            1 => Use::Repeats,
            _ => Use::Betrays,
        }
    }
}

const FIND: Scoped = Scoped::new(
    "select s.user_id, s.seed, s.epoch, s.generation,
            s.revoked_at is not null or s.expires_at < now() or s.rotated_at < now() - make_interval(mins => a.session_idle_minutes) as ended
     from app.sessions s join app.accounts a on a.account_id = s.account_id where s.account_id = $1 and s.id = $2 and s.kind = 'login' for update of s",
);
const ROTATE: ScopedWrite = ScopedWrite::new(
    "update app.sessions set generation = generation + 1, rotated_at = now() where account_id = $1 and id = $2",
);
const END: Ending = Ending::new(
    "update app.sessions set revoked_at = now(), revoked_for = 'reuse' where account_id = $1 and id = $2
     returning id, epoch, revoked_at",
);
/// Of the person and the account that the transaction is in.
pub(crate) const STILL_HERE: LookUp =
    LookUp::new("select user_status = 'active' and account_status = 'active' from app.whoami()");

/// Get the next pair of tokens.
///
/// Shown again, a refresh token gives the same successor again, for a client whose answer was lost. Once that one was used, it
/// ends the session: somebody has a copy.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "auth", security(()))]
pub(crate) async fn refresh(
    State(app): State<App>,
    request: RequestId,
    Json(shown): Json<Refresh>,
) -> Result<Json<Tokens>> {
    let token =
        RefreshToken::read(shown.refresh_token.expose_secret()).ok_or(AuthRefusal::RefreshTokenInvalid)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the token names its account; the session's seed proves it"
    )]
    let mut tx = app.db.system_inside(Reason::Refresh, token.account, Uuid::nil().into(), request.0).await?;
    let kept = tx.read::<Kept>(FIND).bind(token.session).optional().await?;
    let kept = kept.filter(|kept| !kept.ended && app.refresh.made(&token, &kept.seed));
    let kept = kept.ok_or(AuthRefusal::RefreshTokenInvalid)?;
    tx.act_for(kept.user_id).await?;

    let used = kept.use_of(token.generation);
    if used == Use::Betrays {
        let ended = Change::new("auth.session.ended", "session", token.session.into(), "reused");
        tx.note(ended);
        tx.end_sessions(END).bind(token.session).run().await?;
        tx.commit().await?;
        tracing::warn!(account.id = %token.account, session.id = %token.session, "a refresh token was used twice");
        return Err(AuthRefusal::RefreshTokenReused.into());
    }
    let here = tx.look_up::<(bool,)>(STILL_HERE).optional().await?;
    if here != Some((true,)) {
        return Err(AuthRefusal::RefreshTokenInvalid.into());
    }
    if used == Use::Rotates {
        tx.write_unnoted::<()>(ROTATE).bind(token.session).run().await?;
    }
    let session = Opened {
        user: kept.user_id,
        id: token.session,
        epoch: kept.epoch,
        generation: token.generation + 1,
        seed: &kept.seed,
    };
    let next = tokens(&app, &mut tx, token.account, &session).await?;
    tx.commit().await?;
    Ok(Json(next))
}
