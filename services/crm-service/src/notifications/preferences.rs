use axum::extract::State;
use db::{TenantCommand, TenantQuery};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;
use web::{AuthenticatedUser, Json, Result};

use super::NotificationKind::{self, BookingMade, Mentioned, TaskAssigned};
use crate::App;

/// Channels for one kind of notification.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotificationChannels {
    /// Whether notifications are created in the application.
    in_app: bool,
}

/// Notification preferences of the caller. Kinds without a choice are enabled.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotificationPreferences {
    /// Preference for tasks assigned to the caller.
    task_assigned: NotificationChannels,
    /// Preference for mentions of the caller in notes.
    mentioned: NotificationChannels,
    /// Preference for bookings of professionals that the caller is responsible for.
    booking_made: NotificationChannels,
}

const CHOSEN: TenantQuery = TenantQuery::new(
    "select kind, in_app from app.notification_preferences where account_id = $1 and user_id = $2",
);
const CHOOSE: TenantCommand = TenantCommand::new(
    "insert into app.notification_preferences (account_id, user_id, kind, in_app)
     select $1, $2, chosen.kind, chosen.in_app from unnest($3::text[], $4::boolean[]) as chosen (kind, in_app)
     on conflict (account_id, user_id, kind) do update set in_app = excluded.in_app, updated_at = now()",
);

/// Get the caller's notification preferences.
#[utoipa::path(get, path = "/api/v1/notifications/preferences", tag = "notifications")]
pub(crate) async fn get_notification_preferences(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
) -> Result<Json<NotificationPreferences>> {
    let mut tx = app.db.begin_read_only(&who).await?;
    let chosen: Vec<(NotificationKind, bool)> = tx.read(CHOSEN).bind(who.user()).all().await?;
    let of = |kind| {
        let chosen = chosen.iter().find(|(one, _)| *one == kind);
        NotificationChannels { in_app: chosen.is_none_or(|(_, in_app)| *in_app) }
    };
    Ok(Json(NotificationPreferences {
        task_assigned: of(TaskAssigned),
        mentioned: of(Mentioned),
        booking_made: of(BookingMade),
    }))
}

/// Replace the caller's notification preferences.
#[utoipa::path(put, path = "/api/v1/notifications/preferences", tag = "notifications")]
pub(crate) async fn set_notification_preferences(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
    Json(wanted): Json<NotificationPreferences>,
) -> Result<Json<NotificationPreferences>> {
    let kinds = ["task_assigned", "mentioned", "booking_made"];
    let channels = [wanted.task_assigned, wanted.mentioned, wanted.booking_made];
    let in_app: Vec<bool> = channels.iter().map(|channels| channels.in_app).collect();
    let mut tx = app.db.begin(&who).await?;
    tx.execute_untracked::<()>(CHOOSE).bind(who.user()).bind(kinds.to_vec()).bind(in_app).run().await?;
    tx.commit().await?;
    Ok(Json(wanted))
}
