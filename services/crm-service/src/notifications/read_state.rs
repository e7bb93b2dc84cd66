//! Read state of notifications. It is private to the recipient, and therefore not audited.

use axum::extract::State;
use db::{Db, RestrictedStatement, TenantCommand};
use identity::Principal;
use uuid::Uuid;
use web::{AuthenticatedUser, Error, NoContent, Path, Result};

use super::SUBJECTS;
use crate::App;

/// `{0}` restricts the update to records that the recipient may still read; the others do not exist for them.
const MARK: RestrictedStatement<TenantCommand, 1> = RestrictedStatement::writing(
    "update app.notifications n set read_at = case when $4 then coalesce(read_at, now()) end
     where account_id = $1 and recipient_id = $2 and id = $3{0}",
);
const MARK_ALL: RestrictedStatement<TenantCommand, 1> = RestrictedStatement::writing(
    "update app.notifications n set read_at = now() where account_id = $1 and recipient_id = $2 and read_at is null{0}",
);

/// Mark one of the caller's notifications as read.
#[utoipa::path(post, path = "/api/v1/notifications/{id}/read", tag = "notifications",
    params(("id" = Uuid, Path, description = "The notification")))]
pub(crate) async fn mark_notification_read(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
    Path(id): Path<Uuid>,
) -> Result<NoContent> {
    mark(&app.db, &who, id, true).await
}

/// Mark one of the caller's notifications as unread.
#[utoipa::path(post, path = "/api/v1/notifications/{id}/unread", tag = "notifications",
    params(("id" = Uuid, Path, description = "The notification")))]
pub(crate) async fn mark_notification_unread(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
    Path(id): Path<Uuid>,
) -> Result<NoContent> {
    mark(&app.db, &who, id, false).await
}

/// Mark all of the caller's notifications as read.
#[utoipa::path(post, path = "/api/v1/notifications/read-all", tag = "notifications")]
pub(crate) async fn mark_all_notifications_read(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
) -> Result<NoContent> {
    let mut tx = app.db.begin(&who).await?;
    let within = [tx.about_readable(SUBJECTS, "n")];
    tx.execute_untracked_restricted::<(), 1>(MARK_ALL, &within).bind(who.user()).run().await?;
    tx.commit().await?;
    Ok(NoContent)
}

async fn mark(db: &Db, who: &Principal, id: Uuid, read: bool) -> Result<NoContent> {
    let mut tx = db.begin(who).await?;
    let within = [tx.about_readable(SUBJECTS, "n")];
    let marking = tx.execute_untracked_restricted::<(), 1>(MARK, &within).bind(who.user());
    if marking.bind(id).bind(read).run().await? == 0 {
        return Err(Error::NotFound("notification"));
    }
    tx.commit().await?;
    Ok(NoContent)
}
