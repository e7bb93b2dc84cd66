//! Validators shared by several resources.

use std::collections::BTreeMap;

use time::{Date, OffsetDateTime};
use utoipa::openapi::{
    ArrayBuilder, ObjectBuilder, RefOr, Schema,
    schema::{Object, Type},
};
use validator::ValidationError;

time::serde::format_description!(day_of_text, Date, "[year]-[month]-[day]");

/// ISO 8601 date, for `#[serde(with = "validators::iso_8601")]`.
pub(crate) mod iso_8601 {
    use serde::{Deserializer, de::Error as _};
    use time::Date;

    use super::day_of_text;
    pub(crate) use day_of_text::serialize;

    const WANTED: &str = "must be a day such as 2026-01-31";

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        day_of_text::deserialize(deserializer).map_err(|_| D::Error::custom(WANTED))
    }

    /// ISO 8601 date or `null`, for optional fields.
    pub(crate) mod option {
        use super::{Date, Deserializer, WANTED, day_of_text};
        pub(crate) use day_of_text::option::serialize;
        use serde::de::Error as _;

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Date>, D::Error> {
            day_of_text::option::deserialize(deserializer).map_err(|_| D::Error::custom(WANTED))
        }
    }
}

/// Supported years. Outside of this range the database or RFC 3339 cannot represent some instants.
const YEARS: std::ops::RangeInclusive<i32> = 1800..=2999;

fn hold(good: bool, code: &'static str, wanted: &'static str) -> Result<(), ValidationError> {
    if good { Ok(()) } else { Err(ValidationError::new(code).with_message(wanted.into())) }
}

/// The schema of what [`short_strings`] accepts.
pub(crate) fn short_strings_schema() -> RefOr<Schema> {
    ArrayBuilder::new().items(string_of_at_most(100)).max_items(Some(50)).into()
}

/// The schema of what [`external_ids`] accepts.
pub(crate) fn external_ids_schema() -> RefOr<Schema> {
    let ids = ObjectBuilder::new().max_properties(Some(50));
    ids.additional_properties(Some(RefOr::from(Schema::from(string_of_at_most(200))))).into()
}

fn string_of_at_most(chars: usize) -> Object {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(chars)).build()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "validator hands out references")]
pub(crate) fn supported_date(day: &Date) -> Result<(), ValidationError> {
    hold(YEARS.contains(&day.year()), "range", "must be from 1800 to 2999")
}

pub(crate) fn supported_timestamp(moment: &OffsetDateTime) -> Result<(), ValidationError> {
    hold(YEARS.contains(&moment.year()), "range", "must be from 1800 to 2999")
}

/// A list of short texts, such as categories.
pub(crate) fn short_strings(words: &[String]) -> Result<(), ValidationError> {
    let good = words.len() <= 50 && words.iter().all(|word| (1..=100).contains(&word.chars().count()));
    hold(good, "words", "must be at most 50 texts of 1 to 100 characters")
}

/// Ids of a record in other systems, by the name of the system.
pub(crate) fn external_ids(ids: &BTreeMap<String, String>) -> Result<(), ValidationError> {
    let short = |text: &String| (1..=200).contains(&text.chars().count());
    let good = ids.len() <= 50 && ids.iter().all(|(system, id)| short(system) && short(id));
    hold(good, "external-ids", "must be at most 50 texts of 1 to 200 characters, by names as short")
}
