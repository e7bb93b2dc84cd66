use std::time::Duration;

use http::{HeaderValue, uri::Authority};
use kernel::AccountId;

/// What became of a request, for the access log: it travels with the answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trail {
    /// Whose token was good.
    pub(crate) account: Option<AccountId>,
    /// Who was asked last.
    pub(crate) upstream: Option<Authority>,
    /// How long for the beginnings of answers, all attempts together.
    pub(crate) waited: Duration,
    /// The route that the service has taken, as it says.
    pub(crate) route: Option<HeaderValue>,
    /// Whether the answer may hold something that lets somebody in.
    pub(crate) is_secret: bool,
}
