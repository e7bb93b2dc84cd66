use kernel::UserId;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

/// Member, permission and optional record to explain.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExplainParams {
    /// Id of the member to explain access for.
    #[param(value_type = Uuid)]
    pub(super) member: UserId,
    /// Permission to explain, such as `client:write`.
    #[param(example = "client:write", max_length = 8192)]
    pub(super) permission: String,
    /// Type of a single record to check, such as `client`; needs `id`.
    #[param(example = "client", max_length = 8192)]
    pub(super) resource: Option<String>,
    /// Id of the record to check; needs `resource`.
    pub(super) id: Option<Uuid>,
}
