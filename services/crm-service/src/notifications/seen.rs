//! What somebody has read. It has no history: it is theirs alone.

use axum::extract::State;
use db::{Db, ScopedWrite, Within};
use identity::Principal;
use uuid::Uuid;
use web::{Error, Known, NoContent, Path, Result};

use super::SUBJECTS;
use crate::App;

/// `{0}`: of what the recipient may still read. The others are not there for them, as in the list.
const MARK: Within<ScopedWrite, 1> = Within::writing(
    "update app.notifications n set read_at = case when $4 then coalesce(read_at, now()) end
     where account_id = $1 and recipient_id = $2 and id = $3{0}",
);
const MARK_ALL: Within<ScopedWrite, 1> = Within::writing(
    "update app.notifications n set read_at = now() where account_id = $1 and recipient_id = $2 and read_at is null{0}",
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
    let within = [tx.about_readable(SUBJECTS, "n")];
    tx.write_unnoted_within::<(), 1>(MARK_ALL, &within).bind(who.user()).run().await?;
    tx.commit().await?;
    Ok(NoContent)
}

async fn mark(db: &Db, who: &Principal, id: Uuid, read: bool) -> Result<NoContent> {
    let mut tx = db.begin(who).await?;
    let within = [tx.about_readable(SUBJECTS, "n")];
    let marking = tx.write_unnoted_within::<(), 1>(MARK, &within).bind(who.user());
    if marking.bind(id).bind(read).run().await? == 0 {
        return Err(Error::NotFound("notification"));
    }
    tx.commit().await?;
    Ok(NoContent)
}
