//! Costly lists scan text record by record. No index bounds their cost, so a statement timeout does.

use std::time::Duration;

use db::{Error, Refusal, RefusalKind, SqlError};

/// Statement timeout of a costly list.
pub(super) struct StatementTimeout;

impl StatementTimeout {
    pub(super) const COSTLY: Duration = Duration::from_secs(2);

    /// Whether the server cancelled a statement because of its timeout (PostgreSQL's appendix A).
    pub(super) fn is_over(error: &SqlError) -> bool {
        error.code().is_some_and(|code| code == "57014")
    }
}

/// The condition exceeded the statement timeout on the account's data.
#[derive(Debug, thiserror::Error)]
#[error(
    "the condition takes too long: ask for fewer texts with `contains`, or narrow it with `and(…)` by what compares \
     with `eq`, such as a status, an owner or a date"
)]
pub(super) struct TooCostly;

/// The aggregates exceeded the statement timeout on the account's data.
#[derive(Debug, thiserror::Error)]
#[error(
    "the groups take too long to compute: narrow `filter` by what compares with `eq`, such as a status, an owner or a date"
)]
pub(super) struct TooManyRecords;

impl Refusal for TooManyRecords {
    fn code(&self) -> &'static str {
        "too-costly"
    }

    fn kind(&self) -> RefusalKind {
        RefusalKind::Invalid
    }
}

impl Refusal for TooCostly {
    fn code(&self) -> &'static str {
        "too-costly"
    }

    fn kind(&self) -> RefusalKind {
        RefusalKind::Invalid
    }

    fn pointer(&self) -> Option<&'static str> {
        Some("/filter")
    }
}

/// Maps a failed list statement: a timeout of a costly list is [`TooCostly`].
pub(super) fn failed(is_costly: bool) -> impl FnOnce(SqlError) -> Error {
    move |error| if is_costly && StatementTimeout::is_over(&error) { TooCostly.into() } else { error.into() }
}
