//! How a rule of the domain says no, without knowing HTTP.

use std::{convert::Infallible, error::Error};

use serde_json::Value;

/// A rule of the domain said no, in words that a client may read.
pub trait Refusal: Error + Send + Sync + 'static {
    /// Names the rule for programs, such as `supplier-tax-id-taken`. Never changes.
    fn code(&self) -> &'static str;

    /// What sort of no.
    fn sort(&self) -> Sort {
        Sort::Conflict
    }

    /// After how many seconds it may be tried again, for [`Sort::TooMany`].
    fn retry_after(&self) -> Option<u32> {
        None
    }

    /// The existing record that is in conflict, if the caller may see it.
    fn current(&self) -> Option<Value> {
        None
    }

    /// The field at fault, as a JSON pointer, where it is one field.
    fn pointer(&self) -> Option<&'static str> {
        None
    }
}

/// Sorts of no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Not as things stand.
    Conflict,
    /// Not ever, with these values.
    Invalid,
    /// Not by somebody who shows these credentials.
    Unauthenticated,
    /// Not by this person.
    Forbidden,
    /// Not so often.
    TooMany,
}

impl Refusal for Infallible {
    fn code(&self) -> &'static str {
        match *self {}
    }
}
