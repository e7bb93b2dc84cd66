//! Maps errors of serde and validator to violations.

use kernel::TextError;
use serde_path_to_error::Segment;
use validator::{Validate, ValidationError, ValidationErrors, ValidationErrorsKind};

use super::{
    strict::{BODY, NUL},
    wording,
};
use crate::{Error, Violation};

pub(super) fn valid<T: Validate>(value: T) -> Result<T, Error> {
    validate(&value)?;
    Ok(value)
}

pub(super) fn validate<T: Validate>(value: &T) -> Result<(), Error> {
    value.validate().map_err(|errors| {
        let mut violations = violations("", &errors);
        violations.sort_by(|one, other| one.pointer.cmp(&other.pointer)); // validator reports in random order
        Error::Invalid(violations)
    })
}

fn violations(at: &str, errors: &ValidationErrors) -> Vec<Violation> {
    let of = |(field, kind): (&std::borrow::Cow<'static, str>, &ValidationErrorsKind)| match kind {
        ValidationErrorsKind::Field(errors) => {
            let of = |error: &ValidationError| {
                Violation::new(format!("{at}/{field}"), &*error.code, wanted(error))
            };
            errors.iter().map(of).collect()
        }
        ValidationErrorsKind::Struct(errors) => violations(&format!("{at}/{field}"), errors),
        ValidationErrorsKind::List(items) => items
            .iter()
            .flat_map(|(index, errors)| violations(&format!("{at}/{field}/{index}"), errors))
            .collect(),
    };
    errors.errors().iter().flat_map(of).collect()
}

/// Message with the expected form of a value.
fn wanted(error: &ValidationError) -> String {
    if let Some(message) = &error.message {
        return message.to_string();
    }
    let bound = |name: &str| error.params.get(name).map(ToString::to_string);
    let range = match (bound("min"), bound("max")) {
        (Some(min), Some(max)) => format!("from {min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "within its bounds".to_owned(),
    };
    match &*error.code {
        "length" => format!("must have {range} characters"),
        "range" => format!("must be {range}"),
        "email" => "must be an e-mail address".to_owned(),
        "url" => "must be an address such as https://example.com".to_owned(),
        code => format!("breaks the rule `{code}`"),
    }
}

/// Maps an error of serde to violations of a field, if it has a path. Only a [`kernel::Text`] can violate several
/// rules.
pub(super) fn unreadable(error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    let inner = error.inner();
    if !inner.is_data() {
        return Error::Malformed(format!("the body is not JSON: {inner}"));
    }
    let message = inner.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let quoted = message.split('`').nth(1).unwrap_or_default();
    let mut pointer: String = error.path().iter().filter_map(step).collect();
    if let Some((of_text, _)) = TextError::from_message(message) {
        let violations = of_text.rules().map(|rule| Violation::new(&*pointer, rule.code, rule.message));
        return Error::Invalid(violations.collect());
    }
    let code = match message.split(' ').take(2).collect::<Vec<_>>().as_slice() {
        ["unknown", "field"] => "unknown-field",
        ["missing", "field"] => "required",
        ["unknown", "variant"] => "enum",
        ["duplicate", "field"] => "duplicate",
        _ if message == NUL => "nul-character",
        _ if message.starts_with(BODY) => "bounds",
        _ => "type",
    };
    let last = format!("/{quoted}");
    if matches!(code, "unknown-field" | "required" | "duplicate") && !pointer.ends_with(&last) {
        pointer.push_str(&last);
    }
    Error::invalid(&pointer, code, wording::wanted(message, "field"))
}

fn step(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}
