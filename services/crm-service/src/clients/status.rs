use serde::{Deserialize, Serialize};
use strum::VariantNames;
use utoipa::ToSchema;

/// Stage of a client relationship.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema, VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ClientStatus {
    /// Potential client; the default.
    #[default]
    Lead,
    /// Currently buys from the account.
    Active,
    /// No longer buys from the account.
    Inactive,
}

db::text_enum!(ClientStatus);
