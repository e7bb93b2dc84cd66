//! Validation rules that the validator crate does not have.

use std::{collections::HashSet, hash::Hash};

use serde::{Deserialize, Deserializer};
use validator::ValidationError;

/// Requires ASCII in an e-mail address. PostgreSQL folds some other characters to ASCII ones (`İ` to `i`), so two
/// addresses could become one account. Internationalized domains have an ASCII form (IDNA, RFC 5891).
pub fn ascii_only(text: &str) -> Result<(), ValidationError> {
    if text.is_ascii() { Ok(()) } else { Err(rule("ascii", "must have no letters beyond ASCII")) }
}

/// Requires a single line without control characters, for names in e-mails and lists.
pub fn single_line(text: &str) -> Result<(), ValidationError> {
    if text.chars().any(char::is_control) {
        Err(rule("one-line", "must be one line, without control characters"))
    } else {
        Ok(())
    }
}

/// Deserializes a text and trims whitespace, such as the space that a phone keyboard adds. For
/// `#[serde(deserialize_with = "web::trimmed")]` on an address that is looked up, not stored: see [`kernel::LoginEmail`].
pub fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(if text.trim().len() == text.len() { text } else { text.trim().to_owned() })
}

/// Deserializes and trims an optional e-mail address; needs `default`.
pub fn trimmed_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.map(|text| text.trim().to_owned()))
}

/// Limits the length of names of fields, permissions and the like to 200 characters.
pub fn names(all: &[String]) -> Result<(), ValidationError> {
    if all.iter().all(|name| name.chars().count() <= 200) {
        Ok(())
    } else {
        Err(rule("length", "must hold texts of at most 200 characters"))
    }
}

/// Deserializes a list of names without duplicates, in the order of first occurrence.
pub fn each_once<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Clone + Eq + Hash,
{
    let mut seen = HashSet::new();
    let mut all = Vec::<T>::deserialize(from)?;
    all.retain(|one| seen.insert(one.clone()));
    Ok(all)
}

fn rule(code: &'static str, message: &'static str) -> ValidationError {
    ValidationError::new(code).with_message(message.into())
}
