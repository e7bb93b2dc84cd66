//! Revocation of sessions. The next request with one of their access tokens is rejected.

use axum::extract::State;
use db::{Change, SessionRevocation, TenantTx};
use identity::Principal;
use kernel::{SessionId, UserId};
use serde_json::json;
use web::{AuthenticatedUser, Error, NoContent, Path, Result};

use crate::App;

const END_SESSION: SessionRevocation = SessionRevocation::new(
    "update app.sessions set revoked_at = now(), revoked_for = 'ended'
     where account_id = $1 and user_id = $2 and id = $3 and kind = 'login' and revoked_at is null
     returning id, epoch, revoked_at",
);
const END_OTHERS: SessionRevocation = SessionRevocation::new(
    "update app.sessions set revoked_at = now(), revoked_for = $4
     where account_id = $1 and user_id = $2 and id <> $3 and kind = 'login' and revoked_at is null
     returning id, epoch, revoked_at",
);

/// A password change leaves API keys valid, since they do not depend on the password.
const END_ALL: SessionRevocation = SessionRevocation::new(
    "update app.sessions set revoked_at = now(), revoked_for = $3
     where account_id = $1 and user_id = $2 and (kind = 'login' or $3 <> 'password') and revoked_at is null
     returning id, epoch, revoked_at",
);

/// End a session of the caller.
#[utoipa::path(delete, path = "/api/v1/auth/sessions/{id}", tag = "auth",
    params(("id" = uuid::Uuid, Path, description = "The session")))]
pub(crate) async fn end_session(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
    Path(id): Path<SessionId>,
) -> Result<NoContent> {
    let mut tx = app.db.begin_in_maintenance(&who).await?;
    let ended = Change::new("auth.session.ended", "session", id.into(), "ended");
    if tx.revoke_sessions(END_SESSION).bind(who.user()).bind(id).run().await? == 0 {
        return Err(Error::NotFound("session"));
    }
    tx.audit(ended);
    tx.commit().await?;
    Ok(NoContent)
}

/// End all sessions of the caller except the current one.
#[utoipa::path(post, path = "/api/v1/auth/sessions/end-others", tag = "auth")]
pub(crate) async fn end_other_sessions(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
) -> Result<NoContent> {
    let mut tx = app.db.begin_in_maintenance(&who).await?;
    end_others(&mut tx, &who, "ended").await?;
    tx.commit().await?;
    Ok(NoContent)
}

/// Revokes all sessions of `who` in the transaction's account except the current one.
pub(crate) async fn end_others(tx: &mut TenantTx, who: &Principal, because: &'static str) -> Result<()> {
    let ended = Change::new("auth.sessions.ended", "session", who.session().into(), because);
    tx.audit(ended);
    tx.revoke_sessions(END_OTHERS).bind(who.user()).bind(who.session()).bind(because).run().await?;
    Ok(())
}

/// Revokes all sessions of `user` in the transaction's account, and their API keys unless `because` is `password`.
pub(crate) async fn end_all(tx: &mut TenantTx, user: UserId, because: &'static str) -> Result<()> {
    let ended = Change::new("auth.sessions.ended", "session", user.into(), because);
    tx.audit(ended.with(json!({ "user": user })));
    tx.revoke_sessions(END_ALL).bind(user).bind(because).run().await?;
    Ok(())
}
