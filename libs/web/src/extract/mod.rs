//! What came in: read, validated, or refused with the field that is at fault.

mod body;
mod headers;
mod params;
mod rules;
mod violations;

pub(crate) use body::hidden_field;
pub use body::{Json, Patch, understood};
pub use headers::{IdempotencyKey, IfMatch};
pub use params::{Path, Query};
pub use rules::{ascii, one_line, trimmed, trimmed_option, web_address};
