//! The body of an upload, as it arrives.

use aws_lc_rs::digest;
use axum::body::Body;
use http::Method;
use http_body_util::BodyExt as _;
use web::{Error, Result, Upload};

use crate::imports::file::parts::PART;

/// Maximum size of an upload in bytes.
pub(super) fn limit() -> usize {
    Upload::new(&Method::POST, "/api/v1/imports").map_or(PART, |upload| upload.limit)
}

/// A request body, split into parts of equal size.
pub(super) struct IncomingBody {
    body: Body,
    left: usize,
}

impl IncomingBody {
    /// Receives at most `limit` bytes.
    pub(super) fn new(body: Body, limit: usize) -> Self {
        Self { body, left: limit }
    }

    /// The next part; `None` at the end.
    pub(super) async fn part(&mut self) -> Result<Option<Vec<u8>>> {
        let mut part = Vec::with_capacity(PART);
        while part.len() < PART {
            let Some(frame) = self.body.frame().await else { break };
            let frame = frame.map_err(|error| Error::of_body(&error))?;
            let Ok(bytes) = frame.into_data() else { continue };
            self.left = self.left.checked_sub(bytes.len()).ok_or_else(|| Error::TooLarge(limit()))?;
            part.extend_from_slice(&bytes);
        }
        Ok((!part.is_empty()).then_some(part))
    }
}

/// SHA-256 of the received body.
pub(super) struct HashedBody(digest::Context);

impl HashedBody {
    pub(super) fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn end(self) -> Vec<u8> {
        self.0.finish().as_ref().to_vec()
    }
}
