//! When a professional works, by their own clock.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use time::Date;
use utoipa::ToSchema;
use validator::Validate;

use crate::form;

/// A time of day as a clock shows it, to the minute. `24:00` is the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u16);

/// A text that is no time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a time of day from 00:00 to 24:00, such as 09:30")]
pub struct NoTimeOfDay;

/// Some hours of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// From this time on.
    #[schema(value_type = String, example = "09:00")]
    pub from: TimeOfDay,
    /// Until before this one, which is later; at most `24:00`.
    #[schema(value_type = String, example = "17:30")]
    pub to: TimeOfDay,
}

/// Some hours of the same day of each week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeeklyHours {
    /// Which day.
    pub weekday: Weekday,
    /// From this time on.
    #[schema(value_type = String, example = "09:00")]
    pub from: TimeOfDay,
    /// Until before this one, which is later; at most `24:00`.
    #[schema(value_type = String, example = "17:30")]
    pub to: TimeOfDay,
}

/// Days that are not as those of other weeks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The first of them.
    #[serde(with = "form::iso_8601")]
    #[validate(custom(function = "form::day"))]
    pub first_day: Date,
    /// The last of them; without one it is one day.
    #[serde(default, with = "form::iso_8601::option")]
    #[validate(custom(function = "form::day"))]
    pub last_day: Option<Date>,
    /// The hours of each of these days, in place of those of the week; none: a day off.
    #[serde(default)]
    #[validate(length(max = 10))]
    pub hours: Vec<Hours>,
    /// Why.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "Summer holidays")]
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
    /// Minutes since the day began.
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

impl From<WeeklyHours> for Hours {
    fn from(WeeklyHours { from, to, .. }: WeeklyHours) -> Self {
        Self { from, to }
    }
}

impl Exception {
    /// Its last day, said or not.
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

/// Whether one of these ends before it begins, or as it does.
pub(super) fn backwards(mut hours: impl Iterator<Item = Hours>) -> bool {
    hours.any(|hours| hours.from >= hours.to)
}

/// Whether two of these, each of its own `K`, share more than an end.
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
