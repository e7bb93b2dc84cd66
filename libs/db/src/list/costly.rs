//! Lists that read texts record by record: no index bounds what they cost, so their time is bounded.

use std::time::Duration;

use crate::{Error, Refusal, Sort};

/// How long a statement of a costly list may take.
pub(super) struct Patience;

impl Patience {
    pub(super) const COSTLY: Duration = Duration::from_secs(2);

    /// Whether the server gave a statement up because its time was over (PostgreSQL's appendix A).
    pub(super) fn is_over(error: &sqlx::Error) -> bool {
        error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .is_some_and(|code| code == "57014")
    }
}

/// A condition that takes too long over what the account has.
#[derive(Debug, thiserror::Error)]
#[error(
    "the condition takes too long: ask for fewer texts with `contains`, or narrow it with `and(…)` by what compares \
     with `eq`, such as a status, an owner or a date"
)]
pub(super) struct TooCostly;

impl Refusal for TooCostly {
    fn code(&self) -> &'static str {
        "too-costly"
    }

    fn sort(&self) -> Sort {
        Sort::Invalid
    }

    fn pointer(&self) -> Option<&'static str> {
        Some("/filter")
    }
}

/// What it means that a statement of a list failed.
pub(super) fn failed(is_costly: bool) -> impl FnOnce(sqlx::Error) -> Error {
    move |error| if is_costly && Patience::is_over(&error) { TooCostly.into() } else { error.into() }
}
