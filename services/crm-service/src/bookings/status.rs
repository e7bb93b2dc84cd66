use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What became of a booking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum BookingStatus {
    /// It will be kept.
    #[default]
    Booked,
    /// It was kept.
    Done,
    /// It takes no time.
    Cancelled,
}

impl BookingStatus {
    /// Every status, as it is written.
    pub(super) const WORDS: &'static [&'static str] = &["booked", "done", "cancelled"];

    /// The statuses that a booking may go on to, as they are written. What is done or cancelled stays so.
    pub(super) fn next(self) -> &'static [&'static str] {
        if self == Self::Booked { &["done", "cancelled"] } else { &[] }
    }

    /// Whether a booking may have this status next.
    pub(super) fn leads_to(self, next: Self) -> bool {
        self == next || self == Self::Booked
    }
}
