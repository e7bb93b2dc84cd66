use kernel::UserId;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

/// What is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    /// The member's id.
    #[param(value_type = Uuid)]
    pub(super) member: UserId,
    /// Such as `client:write`.
    #[param(example = "client:write")]
    pub(super) permission: String,
    /// One record, to ask about: its resource, such as `client`.
    #[param(example = "client")]
    pub(super) resource: Option<String>,
    /// And its id.
    pub(super) id: Option<Uuid>,
}
