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

    /// The statuses that a project may go on to, as they are written. What is completed or cancelled stays so.
    pub(super) fn next(self) -> &'static [&'static str] {
        match self {
            Self::Planned | Self::OnHold => &["active", "cancelled"],
            Self::Active => &["on_hold", "completed", "cancelled"],
            Self::Completed | Self::Cancelled => &[],
        }
    }

    /// Whether a project may have this status next.
    pub(super) fn leads_to(self, next: Self) -> bool {
        self == next || Self::WORDS.get(next as usize).is_some_and(|word| self.next().contains(word))
    }
}
