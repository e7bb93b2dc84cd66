//! Extractors: parse and validate requests, and report the invalid field.

mod body;
mod faults;
mod headers;
mod media;
mod params;
mod strict;
mod validators;
mod violations;
mod wording;

pub(crate) use body::BODY_LIMIT;
pub use body::{Json, MergePatch, UnparsedJson, parse_json};
pub use headers::{IdempotencyKey, IfMatch};
pub(crate) use media::uncoded;
pub use params::{Path, Query};
pub use validators::{ascii_only, each_once, names, single_line, trimmed, trimmed_option};
