//! What came in: read, validated, or refused with the field that is at fault.

mod body;
mod faults;
mod headers;
mod media;
mod params;
mod rules;
mod strict;
mod violations;
mod wording;

pub use body::{Json, Patch, Unread, understood};
pub use headers::{IdempotencyKey, IfMatch};
pub use media::MediaTypes;
pub(crate) use media::uncoded;
pub use params::{Path, Query};
pub use rules::{ascii, each_once, names, one_line, trimmed, trimmed_option, web_address};
