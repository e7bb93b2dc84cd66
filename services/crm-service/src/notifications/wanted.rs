use serde::Deserialize;
use utoipa::IntoParams;

/// Which notifications.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// `true`: only those that are not read.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    pub(super) unread: bool,
    /// How many: 1 to 200, 50 if not said.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200)]
    pub(super) limit: Option<String>,
    /// The `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
}
