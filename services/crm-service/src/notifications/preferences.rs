use axum::extract::State;
use db::{Scoped, ScopedWrite};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;
use web::{Json, Known, Result};

use super::NotificationKind::{self, BookingMade, Mentioned, TaskAssigned};
use crate::App;

/// How somebody wants to be told.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Channels {
    /// By a notification here.
    in_app: bool,
}

/// What somebody wants to be told. What they have not chosen they are told.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotificationPreferences {
    /// A task became mine.
    task_assigned: Channels,
    /// Somebody mentioned me in a note.
    mentioned: Channels,
    /// A professional whom I look after was booked.
    booking_made: Channels,
}

const CHOSEN: Scoped = Scoped::new(
    "select kind, in_app from app.notification_preferences where account_id = $1 and user_id = $2",
);
const CHOOSE: ScopedWrite = ScopedWrite::new(
    "insert into app.notification_preferences (account_id, user_id, kind, in_app)
     select $1, $2, chosen.kind, chosen.in_app from unnest($3::text[], $4::boolean[]) as chosen (kind, in_app)
     on conflict (account_id, user_id, kind) do update set in_app = excluded.in_app, updated_at = now()",
);

/// Tell what I am told.
#[utoipa::path(get, path = "/api/v1/notifications/preferences", tag = "notifications")]
pub(crate) async fn notification_preferences(
    State(app): State<App>,
    Known(who): Known,
) -> Result<Json<NotificationPreferences>> {
    let mut tx = app.db.begin_reading(&who).await?;
    let chosen: Vec<(NotificationKind, bool)> = tx.read(CHOSEN).bind(who.user()).all().await?;
    let of = |kind| {
        let chosen = chosen.iter().find(|(one, _)| *one == kind);
        Channels { in_app: chosen.is_none_or(|(_, in_app)| *in_app) }
    };
    Ok(Json(NotificationPreferences {
        task_assigned: of(TaskAssigned),
        mentioned: of(Mentioned),
        booking_made: of(BookingMade),
    }))
}

/// Choose what I am told from now on.
#[utoipa::path(put, path = "/api/v1/notifications/preferences", tag = "notifications")]
pub(crate) async fn set_notification_preferences(
    State(app): State<App>,
    Known(who): Known,
    Json(wanted): Json<NotificationPreferences>,
) -> Result<Json<NotificationPreferences>> {
    let kinds = ["task_assigned", "mentioned", "booking_made"];
    let channels = [wanted.task_assigned, wanted.mentioned, wanted.booking_made];
    let in_app: Vec<bool> = channels.iter().map(|channels| channels.in_app).collect();
    let mut tx = app.db.begin(&who).await?;
    tx.write_unnoted::<()>(CHOOSE).bind(who.user()).bind(kinds.to_vec()).bind(in_app).run().await?;
    tx.commit().await?;
    Ok(Json(wanted))
}
