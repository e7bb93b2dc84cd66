//! Rules of form that validator does not have.

use std::{collections::HashSet, hash::Hash};

use serde::{Deserialize, Deserializer};
use validator::ValidationError;

/// An e-mail address is ASCII: PostgreSQL folds some other letters to ASCII ones (`İ` to `i`), and two addresses that fold
/// to one would be two people with one account. Names beyond ASCII have an ASCII form (IDNA, RFC 5891).
pub fn ascii(text: &str) -> Result<(), ValidationError> {
    if text.is_ascii() { Ok(()) } else { Err(rule("ascii", "must have no letters beyond ASCII")) }
}

/// A name that goes into letters and lists: one line, without control characters.
pub fn one_line(text: &str) -> Result<(), ValidationError> {
    if text.chars().any(char::is_control) {
        Err(rule("one-line", "must be one line, without control characters"))
    } else {
        Ok(())
    }
}

/// An address that a browser may be led to.
pub fn web_address(text: &str) -> Result<(), ValidationError> {
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("https://") || lower.starts_with("http://") {
        Ok(())
    } else {
        Err(rule("web-address", "must begin with https:// or http://"))
    }
}

/// Reads an e-mail address: what stands around it was not meant, such as the space that a phone adds. For
/// `#[serde(deserialize_with = "web::trimmed")]`, at every field that takes one.
pub fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(if text.trim().len() == text.len() { text } else { text.trim().to_owned() })
}

/// The same where there need not be one; with `default`.
pub fn trimmed_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.map(|text| text.trim().to_owned()))
}

/// Names of fields, permissions and the like: none of ours is longer.
pub fn names(all: &[String]) -> Result<(), ValidationError> {
    if all.iter().all(|name| name.chars().count() <= 200) {
        Ok(())
    } else {
        Err(rule("length", "must hold texts of at most 200 characters"))
    }
}

/// Reads a list of names, each once, in the order of their first mention.
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
