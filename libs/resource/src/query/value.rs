//! Typed values of filters and cursors, according to the column.

use db::Bindings;
use kernel::Amount;
use serde_json::Value as Json;
use time::{
    Date, OffsetDateTime, UtcOffset,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};
use uuid::Uuid;

use crate::Kind;

/// Date format of ISO 8601.
const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Text(String),
    Integer(i64),
    Amount(Amount),
    Id(Uuid),
    Instant(OffsetDateTime),
    Boolean(bool),
    Date(Date),
}

impl Value {
    /// Parses a JSON value for a column of this kind; `Err` describes the expected form.
    pub(super) fn read(kind: Kind, json: &Json) -> Result<Self, &'static str> {
        let text = json.as_str();
        match kind {
            _ if json.is_null() => Ok(Self::Null),
            Kind::Text => match text {
                Some(text) if !text.contains('\0') => Ok(Self::Text(text.to_owned())),
                _ => Err("a text in quotation marks, without NUL"),
            },
            Kind::Choice(words) => {
                let known =
                    text.filter(|text| words.contains(text)).ok_or("one of the words this field may be")?;
                Ok(Self::Text(known.to_owned()))
            }
            Kind::Integer => json.as_i64().map(Self::Integer).ok_or("a whole number"),
            Kind::Amount => {
                let amount = text.and_then(|text| text.parse().ok());
                amount.map(Self::Amount).ok_or("a decimal number in quotation marks")
            }
            Kind::Id => {
                text.and_then(|text| text.parse().ok()).map(Self::Id).ok_or("a UUID in quotation marks")
            }
            Kind::Instant => {
                let instant = text.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
                // In UTC, as it is stored, it must be a year that RFC 3339 can write.
                let in_utc = |at: &OffsetDateTime| at.checked_to_offset(UtcOffset::UTC);
                let instant =
                    instant.filter(|at| in_utc(at).is_some_and(|at| (0..10_000).contains(&at.year())));
                instant.map(Self::Instant).ok_or("an RFC 3339 instant in quotation marks")
            }
            Kind::Date => {
                let date = text.and_then(|text| Date::parse(text, DATE).ok());
                let date = date.filter(|date| date.year() > 0); // PostgreSQL's dates begin later than those of `time`
                date.map(Self::Date).ok_or("a date such as \"2026-01-31\" in quotation marks")
            }
            Kind::Boolean => json.as_bool().map(Self::Boolean).ok_or("true or false"),
            Kind::Texts | Kind::Json => Err("nothing: lists neither filter nor sort by it"),
        }
    }

    /// Binds the value to a statement and returns its placeholder.
    pub(super) fn bind(&self, values: &mut Bindings) -> String {
        match self {
            Self::Null => values.bind(None::<String>),
            Self::Text(text) => values.bind(text),
            Self::Integer(number) => values.bind(number),
            Self::Amount(amount) => values.bind(amount),
            Self::Id(id) => values.bind(id),
            Self::Instant(instant) => values.bind(instant),
            Self::Date(date) => values.bind(date),
            Self::Boolean(one) => values.bind(one),
        }
        format!("${}", values.len())
    }
}
