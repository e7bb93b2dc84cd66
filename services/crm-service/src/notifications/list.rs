use axum::extract::State;
use db::{FromRow, RestrictedStatement, TenantQuery};
use resource::{PageInfo, PageParams, Pager};
use serde::Serialize;
use time::{OffsetDateTime, serde::rfc3339};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{AuthenticatedUser, Json, Query, Result};

use super::{NotificationKind, SUBJECTS, params::NotificationParams};
use crate::App;

/// A notification for the caller.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct Notification {
    /// Id; mark it as read with `POST /api/v1/notifications/{id}/read`.
    id: Uuid,
    /// Reason for the notification.
    kind: NotificationKind,
    /// Type of the record that it is about: `task`, `note` or `booking`.
    #[schema(example = "task")]
    subject_type: String,
    /// Id of the record that it is about.
    subject_id: Uuid,
    /// User who caused the notification.
    actor_id: Uuid,
    /// Id of the event that caused it.
    event_id: Uuid,
    /// Time when it was created (UTC).
    #[serde(with = "rfc3339")]
    created_at: OffsetDateTime,
    /// Time when it was marked as read (UTC).
    #[serde(with = "rfc3339::option")]
    read_at: Option<OffsetDateTime>,
}

/// A page of the caller's notifications, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Notifications {
    data: Vec<Notification>,
    page: PageInfo,
}

/// `{0}` restricts the list to records that the recipient may still read.
const LIST: RestrictedStatement<TenantQuery, 1> = RestrictedStatement::reading(
    "select id, kind, subject_type, subject_id, actor_id, event_id, created_at, read_at from app.notifications n
     where account_id = $1 and recipient_id = $2{0} and (not $3 or read_at is null)
     and ($4::uuid is null or id < $4) order by id desc limit $5",
);

/// List the caller's notifications.
///
/// Omits notifications about records that the caller may no longer read.
#[utoipa::path(get, path = "/api/v1/notifications", params(NotificationParams), tag = "notifications")]
pub(crate) async fn list_notifications(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
    Query(wanted): Query<NotificationParams>,
) -> Result<Json<Notifications>> {
    let NotificationParams { unread, limit, cursor } = wanted;
    let mut tx = app.db.begin_read_only(&who).await?;
    let person = who.user();
    let seal = ["notifications", &person.to_string(), if unread { "unread" } else { "all" }];
    let pager = Pager::new(&tx, &seal, &PageParams { limit, cursor })?;
    let within = [tx.about_readable(SUBJECTS, "n")];
    let statement = tx.read_restricted::<Notification, 1>(LIST, &within).bind(person).bind(unread);
    let mut data = statement.bind(pager.after()).bind(pager.fetch()).all().await?;
    let page = pager.page(&mut data, |notification| notification.id);
    Ok(Json(Notifications { data, page }))
}
