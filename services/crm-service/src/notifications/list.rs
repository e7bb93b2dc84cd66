use axum::extract::State;
use db::{PageInfo, Pager, Paging, Scoped, Within};
use serde::Serialize;
use sqlx::FromRow;
use time::{OffsetDateTime, serde::rfc3339};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Json, Known, Query, Result};

use super::{NotificationKind, SUBJECTS, wanted::Wanted};
use crate::App;

/// Something to know about.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct Notification {
    /// Marks it as read: `POST /api/v1/notifications/{id}/read`.
    id: Uuid,
    /// Why.
    kind: NotificationKind,
    /// What sort of record it is about: `task`, `note` or `booking`.
    #[schema(example = "task")]
    subject_type: String,
    /// Which one.
    subject_id: Uuid,
    /// Who did it.
    actor_id: Uuid,
    /// The event that it comes from.
    event_id: Uuid,
    /// When it was made.
    #[serde(with = "rfc3339")]
    created_at: OffsetDateTime,
    /// When it was marked as read.
    #[serde(with = "rfc3339::option")]
    read_at: Option<OffsetDateTime>,
}

/// Part of what there is to know, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Notifications {
    data: Vec<Notification>,
    page: PageInfo,
}

/// `{0}`: of what the recipient may still read.
const LIST: Within<Scoped, 1> = Within::reading(
    "select id, kind, subject_type, subject_id, actor_id, event_id, created_at, read_at from app.notifications n
     where account_id = $1 and recipient_id = $2{0} and (not $3 or read_at is null)
     and ($4::uuid is null or id < $4) order by id desc limit $5",
);

/// List what there is for me to know about.
///
/// Notifications of the caller, and of nobody else; none about records that they may no longer read.
#[utoipa::path(get, path = "/api/v1/notifications", params(Wanted), tag = "notifications")]
pub(crate) async fn notifications(
    State(app): State<App>,
    Known(who): Known,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Notifications>> {
    let Wanted { unread, limit, cursor } = wanted;
    let mut tx = app.db.begin_reading(&who).await?;
    let person = who.user();
    let seal = ["notifications", &person.to_string(), if unread { "unread" } else { "all" }];
    let pager = Pager::new(&tx, &seal, &Paging { limit, cursor })?;
    let within = [tx.about_readable(SUBJECTS, "n")];
    let statement = tx.read_within::<Notification, 1>(LIST, &within).bind(person).bind(unread);
    let mut data = statement.bind(pager.after()).bind(pager.fetch()).all().await?;
    let page = pager.page(&mut data, |notification| notification.id);
    Ok(Json(Notifications { data, page }))
}
