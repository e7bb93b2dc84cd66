//! Operations that accept file uploads, with limits for gateway and service.

use std::time::Duration;

use http::Method;

/// An operation with a file as its body.
#[derive(Debug, Clone, Copy)]
pub struct Upload {
    path: &'static str,
    /// Maximum size of the file in bytes.
    pub limit: usize,
    /// Timeout for receiving the whole file.
    pub patience: Duration,
}

const ALL: &[Upload] =
    &[Upload { path: "/api/v1/imports", limit: 64 * 1024 * 1024, patience: Duration::from_secs(300) }];

impl Upload {
    /// Upload operation of a request; `None` if it is another operation.
    #[must_use]
    pub fn new(method: &Method, path: &str) -> Option<Self> {
        if method == Method::POST { ALL.iter().find(|upload| upload.path == path).copied() } else { None }
    }
}
