use std::time::Duration;

use http::{HeaderValue, uri::Authority};
use kernel::AccountId;

/// Outcome of a request for the access log; travels in the response's extensions.
#[derive(Debug, Clone, Default)]
pub(crate) struct AccessRecord {
    /// Account of the valid token.
    pub(crate) account: Option<AccountId>,
    /// Upstream that was used last.
    pub(crate) upstream: Option<Authority>,
    /// Time until response headers, over all attempts.
    pub(crate) waited: Duration,
    /// Route as reported by the service.
    pub(crate) route: Option<HeaderValue>,
    /// Whether the response may contain credentials.
    pub(crate) is_secret: bool,
}
