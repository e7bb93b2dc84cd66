use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Stage of a client relationship.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum ClientStatus {
    /// Potential client; the default.
    #[default]
    Lead,
    /// Currently buys from the account.
    Active,
    /// No longer buys from the account.
    Inactive,
}

impl ClientStatus {
    /// All statuses in their serialized form.
    pub(super) const WORDS: &'static [&'static str] = &["lead", "active", "inactive"];
}
