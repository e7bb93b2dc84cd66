use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime, Time};

use super::FileError;

/// Version `YYYYMMDD_HHMM`: the time at which a migration was written, and its position in the history.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(String);

impl Version {
    /// Version for a file written at this Unix time in seconds.
    #[must_use]
    pub fn at(unix_seconds: i64) -> Self {
        let moment = OffsetDateTime::from_unix_timestamp(unix_seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (date, time) = (moment.date(), moment.time());
        let (month, day) = (u8::from(date.month()), date.day());
        Self(format!("{:04}{month:02}{day:02}_{:02}{:02}", date.year(), time.hour(), time.minute()))
    }
}

impl FromStr for Version {
    type Err = FileError;

    fn from_str(text: &str) -> Result<Self, FileError> {
        let number =
            |range: std::ops::Range<usize>| text.get(range).and_then(|digits| digits.parse::<u16>().ok());
        let small = |range| number(range).and_then(|number| u8::try_from(number).ok());
        let shape = text.len() == 13
            && text.char_indices().all(|(at, c)| if at == 8 { c == '_' } else { c.is_ascii_digit() });
        let month = small(4..6).and_then(|month| Month::try_from(month).ok());
        let day = number(0..4).zip(month).zip(small(6..8));
        let day = day.and_then(|((year, month), day)| Date::from_calendar_date(year.into(), month, day).ok());
        let time =
            small(9..11).zip(small(11..13)).and_then(|(hour, minute)| Time::from_hms(hour, minute, 0).ok());
        if shape && day.is_some() && time.is_some() {
            Ok(Self(text.to_owned()))
        } else {
            Err(FileError::Name)
        }
    }
}

impl TryFrom<String> for Version {
    type Error = FileError;

    fn try_from(text: String) -> Result<Self, FileError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A release of the program, such as `1.4.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(u32, u32, u32);

impl Release {
    /// Release of this program.
    #[must_use]
    pub fn ours() -> Option<Self> {
        env!("CARGO_PKG_VERSION").parse().ok()
    }
}

impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a release such as 1.4.0");
        let core = text.split_once(['-', '+']).map_or(text, |(core, _)| core);
        let mut numbers = core.split('.').map(|number| number.parse().map_err(|_| wrong()));
        let mut next = || numbers.next().ok_or_else(wrong)?;
        let release = Self(next()?, next()?, next()?);
        if numbers.next().is_some() { Err(wrong()) } else { Ok(release) }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_as_numbers() {
        let release = |text: &str| text.parse::<Release>().unwrap();
        assert!(release("0.9.0") < release("0.10.0") && release("1.0.0-rc1") == release("1.0.0"));
        for bad in ["1", "1.2", "1.2.3.4", "1.2.x", ""] {
            assert!(bad.parse::<Release>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_moment_gives_a_version() {
        let moment = time::macros::datetime!(2026-02-03 04:05 UTC);
        assert_eq!(Version::at(moment.unix_timestamp()), "20260203_0405".parse().unwrap());
    }
}
