use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, macros::format_description};

/// Reason why a text is not a valid name of a backup.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no name of a backup (such as 20260203T040506Z_daily; a label has a-z, 0-9 and -): see `nexo db backups`"
)]
pub struct InvalidName(String);

/// Name of a backup, such as `20260203T040506Z_before-migration`. Names sort by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

const MAX_LABEL_CHARS: usize = 60;

impl Name {
    /// Creates the name of a backup that begins at `moment`. A label consists of `a-z`, `0-9` and `-`.
    pub fn new(moment: OffsetDateTime, label: &str) -> Result<Self, InvalidName> {
        let format = format_description!("[year][month][day]T[hour][minute][second]Z");
        let stamp = moment.format(format).map_err(|_| InvalidName(label.to_owned()))?;
        format!("{stamp}_{label}").parse()
    }

    /// Label of the backup, after the timestamp.
    #[must_use]
    pub fn label(&self) -> &str {
        self.0.split_once('_').map_or("", |(_, label)| label)
    }

    /// Timestamp of the backup, as in the name.
    pub(crate) fn second(&self) -> &str {
        self.0.split_once('_').map_or(&*self.0, |(second, _)| second)
    }

    /// Name as a string slice.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    /// Parses a name; rejects anything that could leave the store's folder.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let wrong = || InvalidName(text.to_owned());
        let (stamp, label) = text.split_once('_').ok_or_else(wrong)?;
        let shape = stamp.len() == 16
            && stamp.bytes().enumerate().all(|(at, byte)| match at {
                8 => byte == b'T',
                15 => byte == b'Z',
                _ => byte.is_ascii_digit(),
            });
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let labelled = (1..=MAX_LABEL_CHARS).contains(&label.len()) && label.bytes().all(good);
        if shape && labelled { Ok(Self(text.to_owned())) } else { Err(wrong()) }
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        let moment = time::macros::datetime!(2026-02-03 04:05:06 UTC);
        assert_eq!(
            Name::new(moment, "before-migration").unwrap().as_str(),
            "20260203T040506Z_before-migration"
        );
        for bad in ["../x", "20260203T040506Z_../x", "20260203T040506Z_", "20260203_x", "20260203T040506Z_A"]
        {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }
}
