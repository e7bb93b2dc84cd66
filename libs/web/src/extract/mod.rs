//! What came in: read, validated, or refused with the field that is at fault.

mod body;
mod headers;
mod media;
mod params;
mod rules;
mod violations;

pub(crate) use body::hidden_field;
pub use body::{Json, Patch, understood};
pub use headers::{IdempotencyKey, IfMatch};
pub use media::MediaTypes;
pub(crate) use media::uncoded;
pub use params::{Path, Query};
pub use rules::{ascii, one_line, web_address};
