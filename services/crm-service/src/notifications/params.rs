use serde::Deserialize;
use utoipa::IntoParams;

/// Filter and paging of notifications.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NotificationParams {
    /// Whether to list unread notifications only.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    pub(super) unread: bool,
    /// Page size: 1 to 200; 50 by default.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200)]
    pub(super) limit: Option<String>,
    /// The `next_cursor` of the previous page.
    #[param(max_length = 8192)]
    pub(super) cursor: Option<String>,
}
