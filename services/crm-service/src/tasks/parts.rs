//! What a task is made of.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

/// How far a task has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum TaskStatus {
    /// To be done.
    #[default]
    Open,
    /// Somebody is at it.
    InProgress,
    /// It is done, at `completed_at`.
    Done,
    /// It will not be done.
    Cancelled,
}

impl TaskStatus {
    /// Every status, as it is written.
    pub(super) const WORDS: &'static [&'static str] = &["open", "in_progress", "done", "cancelled"];
}

/// How soon a task is wanted, beside others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Priority {
    /// When there is time.
    Low,
    /// In its turn.
    #[default]
    Normal,
    /// Before others.
    High,
    /// Now.
    Urgent,
}

impl Priority {
    /// Every priority, as it is written.
    pub(super) const WORDS: &'static [&'static str] = &["low", "normal", "high", "urgent"];
}

/// One thing of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChecklistItem {
    /// What it is.
    #[validate(length(min = 1, max = 500))]
    pub text: String,
    /// Whether it is done.
    #[serde(default)]
    pub done: bool,
}
