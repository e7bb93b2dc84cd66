//! Notifications: what somebody should know about because of what others did.

mod consumer;
mod list;
mod mentions;
mod preferences;
mod readers;
mod seen;
mod wanted;

use db::SubjectKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{App, bookings::Booking, notes::Note, tasks::Task};
pub use consumer::Notifier;
pub(crate) use list::Notifications;

/// Why somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum NotificationKind {
    /// A task became theirs, by another.
    TaskAssigned,
    /// Somebody wrote `@{their user id}` into a note.
    Mentioned,
    /// A professional whom they look after was booked.
    BookingMade,
}

/// What notifications are about: one is there for its recipient as long as they may read the record.
const SUBJECTS: &[SubjectKind] =
    &[SubjectKind::of::<Task>(), SubjectKind::of::<Note>(), SubjectKind::of::<Booking>()];

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::notifications))
        .routes(routes!(seen::mark_read))
        .routes(routes!(seen::mark_unread))
        .routes(routes!(seen::mark_all_read))
        .routes(routes!(preferences::notification_preferences, preferences::set_notification_preferences))
}
