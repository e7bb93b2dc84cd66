use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether a booking is planned, done or cancelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum BookingStatus {
    /// Planned; occupies the hours.
    #[default]
    Booked,
    /// The booked work took place.
    Done,
    /// Cancelled; the hours are free again.
    Cancelled,
}

impl BookingStatus {
    /// All statuses in their serialized form.
    pub(super) const WORDS: &'static [&'static str] = &["booked", "done", "cancelled"];

    /// Statuses that a booking may change to, serialized; `done` and `cancelled` are final.
    pub(super) fn next(self) -> &'static [&'static str] {
        if self == Self::Booked { &["done", "cancelled"] } else { &[] }
    }

    /// True if a booking may change to this status.
    pub(super) fn leads_to(self, next: Self) -> bool {
        self == next || self == Self::Booked
    }
}
