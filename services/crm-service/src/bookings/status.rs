use resource::Transitions;
use serde::{Deserialize, Serialize};
use strum::VariantNames;
use utoipa::ToSchema;

/// Whether a booking is planned, done or cancelled.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema, VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum BookingStatus {
    /// Planned; occupies the hours.
    #[default]
    Booked,
    /// The booked work took place.
    Done,
    /// Cancelled; the hours are free again.
    Cancelled,
}

db::text_enum!(BookingStatus);

impl BookingStatus {
    /// Statuses with those that a booking may change to; `done` and `cancelled` are final.
    pub(super) const TRANSITIONS: Transitions =
        &[("booked", &["done", "cancelled"]), ("done", &[]), ("cancelled", &[])];

    /// Statuses that a booking may change to, serialized.
    pub(super) fn next(self) -> &'static [&'static str] {
        Self::TRANSITIONS.get(self as usize).map_or(&[], |(_, next)| next)
    }

    /// True if a booking may change to this status.
    pub(super) fn leads_to(self, next: Self) -> bool {
        self == next || self == Self::Booked
    }
}
