use resource::Transitions;
use serde::{Deserialize, Serialize};
use strum::VariantNames;
use utoipa::ToSchema;

/// Stage of a project's life cycle.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ProjectStatus {
    /// Work has not started; the default.
    #[default]
    Planned,
    /// Work on the project is in progress.
    Active,
    /// Work is suspended for now.
    OnHold,
    /// All work is complete; final.
    Completed,
    /// Abandoned before completion; final.
    Cancelled,
}

db::text_enum!(ProjectStatus);

impl ProjectStatus {
    /// Statuses with those that a project may change to; `completed` and `cancelled` are final.
    pub(super) const TRANSITIONS: Transitions = &[
        ("planned", &["active", "cancelled"]),
        ("active", &["on_hold", "completed", "cancelled"]),
        ("on_hold", &["active", "cancelled"]),
        ("completed", &[]),
        ("cancelled", &[]),
    ];

    /// Statuses that a project may change to, serialized.
    pub(super) fn next(self) -> &'static [&'static str] {
        Self::TRANSITIONS.get(self as usize).map_or(&[], |(_, next)| next)
    }

    /// True if a project may change to this status.
    pub(super) fn leads_to(self, next: Self) -> bool {
        self == next || Self::VARIANTS.get(next as usize).is_some_and(|word| self.next().contains(word))
    }
}
