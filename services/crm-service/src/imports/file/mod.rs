//! Uploaded files: stored in parts, decoded, parsed and inspected.

pub(super) mod csv;
pub(super) mod dates;
pub(super) mod encoding;
pub(super) mod inspect;
pub(super) mod parts;
pub(super) mod xlsx;
