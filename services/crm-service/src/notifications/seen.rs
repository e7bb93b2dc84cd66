//! What somebody has read. It has no history: it is theirs alone.

use axum::extract::State;
use db::{Db, ScopedWrite};
use identity::Principal;
use uuid::Uuid;
use web::{Error, Known, NoContent, Path, Result};

use crate::App;

const MARK: ScopedWrite = ScopedWrite::new(
    "update app.notifications set read_at = case when $4 then coalesce(read_at, now()) end
     where account_id = $1 and recipient_id = $2 and id = $3",
);
const MARK_ALL: ScopedWrite = ScopedWrite::new(
    "update app.notifications set read_at = now() where account_id = $1 and recipient_id = $2 and read_at is null",
);

/// Mark a notification of mine as read.
#[utoipa::path(post, path = "/api/v1/notifications/{id}/read", tag = "notifications",
    params(("id" = Uuid, Path, description = "The notification")))]
pub(crate) async fn mark_read(
    State(app): State<App>,
    Known(who): Known,
    Path(id): Path<Uuid>,
) -> Result<NoContent> {
    mark(&app.db, &who, id, true).await
}

/// Mark a notification of mine as not read.
#[utoipa::path(post, path = "/api/v1/notifications/{id}/unread", tag = "notifications",
    params(("id" = Uuid, Path, description = "The notification")))]
pub(crate) async fn mark_unread(
    State(app): State<App>,
    Known(who): Known,
    Path(id): Path<Uuid>,
) -> Result<NoContent> {
    mark(&app.db, &who, id, false).await
}

/// Mark all of my notifications as read.
#[utoipa::path(post, path = "/api/v1/notifications/read-all", tag = "notifications")]
pub(crate) async fn mark_all_read(State(app): State<App>, Known(who): Known) -> Result<NoContent> {
    let mut tx = app.db.begin(&who).await?;
    tx.write_unnoted::<()>(MARK_ALL).bind(who.user()).run().await?;
    tx.commit().await?;
    Ok(NoContent)
}

async fn mark(db: &Db, who: &Principal, id: Uuid, read: bool) -> Result<NoContent> {
    let mut tx = db.begin(who).await?;
    if tx.write_unnoted::<()>(MARK).bind(who.user()).bind(id).bind(read).run().await? == 0 {
        return Err(Error::NotFound("notification"));
    }
    tx.commit().await?;
    Ok(NoContent)
}
