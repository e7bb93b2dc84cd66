//! Working hours of a professional, in local time.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use time::Date;
use utoipa::ToSchema;
use validator::Validate;

use crate::validators;

/// Local time of day, to the minute. `24:00` is the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u16);

/// The text is not a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a time of day from 00:00 to 24:00, such as 09:30")]
pub struct NoTimeOfDay;

/// An interval of hours within a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkingHours {
    /// Start of the interval, in local time.
    #[schema(value_type = String, example = "09:00", pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$", max_length = 5)]
    pub from: TimeOfDay,
    /// Exclusive end of the interval, after the start; at most `24:00`.
    #[schema(value_type = String, example = "17:30", pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$", max_length = 5)]
    pub to: TimeOfDay,
}

/// An interval of hours on a day of each week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeeklyHours {
    /// Day of the week of the interval.
    pub weekday: Weekday,
    /// Start of the interval, in local time.
    #[schema(value_type = String, example = "09:00", pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$", max_length = 5)]
    pub from: TimeOfDay,
    /// Exclusive end of the interval, after the start; at most `24:00`.
    #[schema(value_type = String, example = "17:30", pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$", max_length = 5)]
    pub to: TimeOfDay,
}

/// Days whose hours differ from the regular week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkingHoursException {
    /// First day of the exception.
    #[serde(with = "validators::iso_8601")]
    #[validate(custom(function = "validators::supported_date"))]
    pub first_day: Date,
    /// Last day of the exception, inclusive; by default it is the first day.
    #[serde(default, with = "validators::iso_8601::option")]
    #[validate(custom(function = "validators::supported_date"))]
    pub last_day: Option<Date>,
    /// Hours of each of these days, replacing the weekly ones; empty for days off.
    #[serde(default)]
    #[validate(length(max = 10))]
    #[schema(max_items = 10)]
    pub hours: Vec<WorkingHours>,
    /// Reason for the exception.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "Summer holidays", min_length = 1, max_length = 200)]
    pub reason: Option<String>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl TimeOfDay {
    /// Minutes since midnight.
    pub(super) fn minutes(self) -> i64 {
        self.0.into()
    }
}

impl FromStr for TimeOfDay {
    type Err = NoTimeOfDay;

    fn from_str(text: &str) -> Result<Self, NoTimeOfDay> {
        let number = |digits: &str| match digits.len() {
            2 if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse::<u16>().ok(),
            _ => None,
        };
        let (hours, minutes) = text.split_once(':').ok_or(NoTimeOfDay)?;
        match (number(hours), number(minutes)) {
            (Some(hours @ 0..=23), Some(minutes @ 0..=59)) => Ok(Self(hours * 60 + minutes)),
            (Some(24), Some(0)) => Ok(Self(24 * 60)),
            _ => Err(NoTimeOfDay),
        }
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = NoTimeOfDay;

    fn try_from(text: String) -> Result<Self, NoTimeOfDay> {
        text.parse()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl From<WeeklyHours> for WorkingHours {
    fn from(WeeklyHours { from, to, .. }: WeeklyHours) -> Self {
        Self { from, to }
    }
}

impl WorkingHoursException {
    /// Last day of the exception; the first day if none is given.
    pub(super) fn until(&self) -> Date {
        self.last_day.unwrap_or(self.first_day)
    }

    pub(super) fn is_on(&self, day: Date) -> bool {
        (self.first_day..=self.until()).contains(&day)
    }
}

impl From<time::Weekday> for Weekday {
    fn from(day: time::Weekday) -> Self {
        match day {
            time::Weekday::Monday => Self::Monday,
            time::Weekday::Tuesday => Self::Tuesday,
            time::Weekday::Wednesday => Self::Wednesday,
            time::Weekday::Thursday => Self::Thursday,
            time::Weekday::Friday => Self::Friday,
            time::Weekday::Saturday => Self::Saturday,
            time::Weekday::Sunday => Self::Sunday,
        }
    }
}

/// True if one of the intervals is empty or ends before it starts.
pub(super) fn backwards(mut hours: impl Iterator<Item = WorkingHours>) -> bool {
    hours.any(|hours| hours.from >= hours.to)
}

/// True if two intervals with the same key `K` overlap; adjacent ones do not.
pub(super) fn overlap<K: Ord + Copy, T: Ord + Copy>(spans: impl Iterator<Item = (K, T, T)>) -> bool {
    let mut spans: Vec<_> = spans.collect();
    spans.sort_unstable();
    spans
        .windows(2)
        .any(|two| matches!(two, [(one, _, end), (other, start, _)] if one == other && start < end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_has_four_digits_and_ends_with_the_day() {
        for good in ["00:00", "09:30", "23:59", "24:00"] {
            assert_eq!(good.parse::<TimeOfDay>().map(|time| time.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "9:30", "24:01", "25:00", "12:60", "+1:00", "12:00:00", "1200", "１2:00"] {
            assert_eq!(bad.parse::<TimeOfDay>(), Err(NoTimeOfDay), "{bad}");
        }
    }

    #[test]
    fn spans_that_touch_do_not_overlap() {
        assert!(!overlap([(1, 10, 12), (1, 12, 14), (2, 11, 13)].into_iter()));
        assert!(overlap([(1, 12, 14), (2, 0, 1), (1, 10, 13)].into_iter()));
        assert!(overlap([(1, 10, 12), (1, 10, 12)].into_iter()));
    }
}
