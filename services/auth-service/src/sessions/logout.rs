use axum::extract::State;
use db::{Change, Ending};
use web::{Known, NoContent, Result};

use crate::App;

const END: Ending = Ending::new(
    "update app.sessions set revoked_at = now(), revoked_for = 'logout'
     where account_id = $1 and id = $2 and revoked_at is null
     returning id, epoch, revoked_at",
);

/// End my session.
///
/// Its refresh token is good for nothing from now on.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth")]
pub(crate) async fn logout(State(app): State<App>, Known(who): Known) -> Result<NoContent> {
    let mut tx = app.db.begin(&who).await?;
    let ended = Change::new("auth.session.ended", "session", who.session().into(), "logged_out");
    tx.note(ended);
    tx.end_sessions(END).bind(who.session()).run().await?;
    tx.commit().await?;
    Ok(NoContent)
}
