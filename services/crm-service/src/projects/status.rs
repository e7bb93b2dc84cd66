use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far a project has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum ProjectStatus {
    /// Nobody works on it yet.
    #[default]
    Planned,
    /// Somebody does.
    Active,
    /// Nobody does for now.
    OnHold,
    /// It is done.
    Completed,
    /// It will not be done.
    Cancelled,
}

impl ProjectStatus {
    /// Every status, as it is written.
    pub(super) const WORDS: &'static [&'static str] =
        &["planned", "active", "on_hold", "completed", "cancelled"];

    /// Whether a project may go on to `next`. What is completed or cancelled stays so.
    pub(super) fn leads_to(self, next: Self) -> bool {
        use ProjectStatus::{Active, Cancelled, Completed, OnHold, Planned};
        self == next
            || matches!(
                (self, next),
                (Planned | OnHold, Active | Cancelled) | (Active, OnHold | Completed | Cancelled)
            )
    }
}
