//! Value types of a task.

use serde::{Deserialize, Serialize};
use strum::VariantNames;
use utoipa::ToSchema;
use validator::Validate;

/// Stage of the work on a task.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum TaskStatus {
    /// Not started; the default.
    #[default]
    Open,
    /// Work on it is in progress.
    InProgress,
    /// Completed at `completed_at`.
    Done,
    /// Abandoned before completion.
    Cancelled,
}

db::text_enum!(TaskStatus);

/// Urgency of a task, compared to others.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema, VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Priority {
    /// Can wait until there is time.
    Low,
    /// Usual priority; the default.
    #[default]
    Normal,
    /// Before tasks of normal priority.
    High,
    /// Needs attention immediately.
    Urgent,
}

db::text_enum!(Priority);

/// An item of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChecklistItem {
    /// Description of the item.
    #[validate(length(min = 1, max = 500))]
    #[schema(min_length = 1, max_length = 500)]
    pub text: String,
    /// Whether the item is done.
    #[serde(default)]
    pub done: bool,
}
