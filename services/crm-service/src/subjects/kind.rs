use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The sort of record that something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum SubjectType {
    /// Whom the account sells to.
    Client,
    /// Somebody at a client or a supplier.
    Contact,
    /// Whom the account buys from.
    Supplier,
    /// Who works for it.
    Employee,
    /// Who works with it.
    Professional,
    /// What is worked on.
    Project,
    /// What is to be done.
    Task,
}

impl SubjectType {
    /// Every sort, as it is written.
    pub(crate) const WORDS: &'static [&'static str] =
        &["client", "contact", "supplier", "employee", "professional", "project", "task"];
}
