//! Notifications: inform members of what others did.

mod consumer;
mod list;
mod mentions;
mod params;
mod preferences;
mod read_state;
mod readers;

use db::AccessTarget;
use resource::Resource as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{App, bookings::Booking, notes::Note, tasks::Task};
pub use consumer::Notifier;
pub(crate) use list::Notifications;

/// Reason for a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum NotificationKind {
    /// A task was assigned to the recipient by another member.
    TaskAssigned,
    /// A note mentions the recipient by `@{user id}`.
    Mentioned,
    /// A professional that the recipient is responsible for was booked.
    BookingMade,
}

db::text_enum!(NotificationKind);

/// Record types of notifications. A notification is visible as long as its recipient may read the record.
const SUBJECTS: &[AccessTarget] = &[Task::ACCESS, Note::ACCESS, Booking::ACCESS];

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_notifications))
        .routes(routes!(read_state::mark_notification_read))
        .routes(routes!(read_state::mark_notification_unread))
        .routes(routes!(read_state::mark_all_notifications_read))
        .routes(routes!(preferences::get_notification_preferences, preferences::set_notification_preferences))
}
