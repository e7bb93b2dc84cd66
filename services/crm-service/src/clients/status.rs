use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far a client has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum ClientStatus {
    /// Might become one.
    #[default]
    Lead,
    /// Buys from us.
    Active,
    /// No more.
    Inactive,
}

impl ClientStatus {
    /// Every status, as it is written.
    pub(super) const WORDS: &'static [&'static str] = &["lead", "active", "inactive"];
}
