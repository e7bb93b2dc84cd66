//! Valid values that replace invalid ones, so that the rest of a body can be read.

use kernel::TextError;
use serde_json::{Value, json};

use crate::Violation;

/// Placeholders of all types; the last is tried first.
pub(super) fn all() -> Vec<Value> {
    vec![
        json!({}),
        json!([]),
        json!("2000-01-01T00:00:00Z"),
        json!("2000-01-01"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!(true),
        json!("1"),
        json!(1),
        json!("x"),
    ]
}

/// Placeholder that a violation itself names: an accepted variant, or an example of a text.
pub(super) fn named_by(fault: &Violation) -> Option<Value> {
    if fault.code == "enum" { choice_of(&fault.message) } else { text_for(fault) }
}

/// Example of the format that a text violates.
pub(super) fn text_for(fault: &Violation) -> Option<Value> {
    TextError::from_message(&fault.message).map(|(_, example)| example.into())
}

/// First accepted variant in an error message of serde.
fn choice_of(message: &str) -> Option<Value> {
    message.split('`').nth(1).map(Value::from)
}
