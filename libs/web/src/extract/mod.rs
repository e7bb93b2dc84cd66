//! What came in: read, validated, or refused with the field that is at fault.

mod body;
mod headers;
mod params;
mod rules;
mod strict;
mod violations;

pub use body::{Json, Patch, Unread, understood};
pub use headers::{IdempotencyKey, IfMatch};
pub use params::{Path, Query};
pub use rules::{ascii, one_line, web_address};
