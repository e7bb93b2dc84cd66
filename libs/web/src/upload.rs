//! The operations that take files: gateway and service bound them alike, and both from here.

use std::time::Duration;

use http::Method;

/// An operation whose body is a file.
#[derive(Debug, Clone, Copy)]
pub struct Upload {
    path: &'static str,
    /// How large it may be, in bytes.
    pub limit: usize,
    /// How long it may take to arrive.
    pub patience: Duration,
}

const ALL: &[Upload] =
    &[Upload { path: "/api/v1/imports", limit: 64 * 1024 * 1024, patience: Duration::from_secs(300) }];

impl Upload {
    /// The one that a request asks for, if it asks for one.
    #[must_use]
    pub fn of(method: &Method, path: &str) -> Option<Self> {
        if method == Method::POST { ALL.iter().find(|upload| upload.path == path).copied() } else { None }
    }
}
