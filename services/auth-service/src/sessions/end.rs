//! Sessions that end before their time. The next request with one of their access tokens is refused.

use axum::extract::State;
use db::{Change, Ending, TenantTx};
use identity::Principal;
use kernel::{SessionId, UserId};
use serde_json::json;
use web::{Error, Known, NoContent, Path, Result};

use crate::App;

const END: Ending = Ending::new(
    "update app.sessions set revoked_at = now(), revoked_for = 'ended'
     where account_id = $1 and user_id = $2 and id = $3 and kind = 'login' and revoked_at is null
     returning id, epoch, revoked_at",
);
const END_OTHERS: Ending = Ending::new(
    "update app.sessions set revoked_at = now(), revoked_for = $4
     where account_id = $1 and user_id = $2 and id <> $3 and kind = 'login' and revoked_at is null
     returning id, epoch, revoked_at",
);

/// Keys are no password's: a new one leaves them alone.
const END_ALL: Ending = Ending::new(
    "update app.sessions set revoked_at = now(), revoked_for = $3
     where account_id = $1 and user_id = $2 and (kind = 'login' or $3 <> 'password') and revoked_at is null
     returning id, epoch, revoked_at",
);

/// End one of my sessions.
#[utoipa::path(delete, path = "/api/v1/auth/sessions/{id}", tag = "auth",
    params(("id" = uuid::Uuid, Path, description = "The session")))]
pub(crate) async fn end_session(
    State(app): State<App>,
    Known(who): Known,
    Path(id): Path<SessionId>,
) -> Result<NoContent> {
    let mut tx = app.db.begin_in_maintenance(&who).await?;
    let ended = Change::new("auth.session.ended", "session", id.into(), "ended");
    if tx.end_sessions(END).bind(who.user()).bind(id).run().await? == 0 {
        return Err(Error::NotFound("session"));
    }
    tx.note(ended);
    tx.commit().await?;
    Ok(NoContent)
}

/// End all of my sessions but this one.
#[utoipa::path(post, path = "/api/v1/auth/sessions/end-others", tag = "auth")]
pub(crate) async fn end_other_sessions(State(app): State<App>, Known(who): Known) -> Result<NoContent> {
    let mut tx = app.db.begin_in_maintenance(&who).await?;
    end_others(&mut tx, &who, "ended").await?;
    tx.commit().await?;
    Ok(NoContent)
}

/// Ends every session of `who` in the transaction's account, but the one that asks.
pub(crate) async fn end_others(tx: &mut TenantTx, who: &Principal, because: &'static str) -> Result<()> {
    let ended = Change::new("auth.sessions.ended", "session", who.session().into(), because);
    tx.note(ended);
    tx.end_sessions(END_OTHERS).bind(who.user()).bind(who.session()).bind(because).run().await?;
    Ok(())
}

/// Ends every session of `user` in the transaction's account, and every API key of theirs unless it is for a `password`.
pub(crate) async fn end_all(tx: &mut TenantTx, user: UserId, because: &'static str) -> Result<()> {
    let ended = Change::new("auth.sessions.ended", "session", user.into(), because);
    tx.note(ended.with(json!({ "user": user })));
    tx.end_sessions(END_ALL).bind(user).bind(because).run().await?;
    Ok(())
}
