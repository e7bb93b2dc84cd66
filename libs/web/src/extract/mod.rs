//! What came in: read, validated, or refused with the field that is at fault.

mod body;
mod bounds;
mod headers;
mod params;
mod rules;
mod violations;

pub(crate) use body::hidden_field;
pub use body::{Json, Patch, understood};
pub use headers::{IdempotencyKey, IfMatch};
pub use params::{Path, Query};
pub use rules::{ascii, each_once, names, one_line, web_address};
