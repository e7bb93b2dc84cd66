//! Refusals: violations of domain rules, independent of HTTP.

use std::{convert::Infallible, error::Error};

use serde_json::Value;

/// Violation of a domain rule, with a message for the client.
pub trait Refusal: Error + Send + Sync + 'static {
    /// Stable machine-readable code of the rule, such as `supplier-tax-id-taken`. Never changes.
    fn code(&self) -> &'static str;

    /// Category of the refusal, which determines the HTTP status.
    fn kind(&self) -> RefusalKind {
        RefusalKind::Conflict
    }

    /// Seconds after which a retry may succeed, for [`RefusalKind::TooMany`].
    fn retry_after(&self) -> Option<u32> {
        None
    }

    /// Current state of the conflicting record, if the caller may see it.
    fn current(&self) -> Option<Value> {
        None
    }

    /// JSON pointer to the invalid field, if it is a single field.
    fn pointer(&self) -> Option<&'static str> {
        None
    }
}

/// Categories of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// Conflict with the current state; may succeed later.
    Conflict,
    /// The values are invalid in any state.
    Invalid,
    /// The credentials are not valid.
    Unauthenticated,
    /// The caller lacks the permission.
    Forbidden,
    /// The rate limit is exceeded.
    TooMany,
}

impl Refusal for Infallible {
    fn code(&self) -> &'static str {
        match *self {}
    }
}
