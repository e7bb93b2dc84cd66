//! One migration file.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use time::{Date, Month, Time};

use crate::{FileError, Statement, directive, directive::Directives, lexer};

/// `YYYYMMDD_HHMM`: when a migration was written, which is where it stands in the history.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(String);

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

/// One migration.
#[derive(Debug, Clone)]
pub struct Migration {
    /// Where it stands in the history.
    pub version: Version,
    /// As in the file's name.
    pub name: String,
    /// The first line of its first comment.
    pub description: String,
    /// SHA-256 of the text, in hex; line ends and a byte order mark do not count.
    pub checksum: String,
    pub(crate) statements: Vec<Statement>,
    pub(crate) directives: Directives,
    /// The file that takes it back, if there is one.
    pub down: Option<String>,
}

/// A file's name, understood.
pub(crate) struct FileName {
    pub(crate) version: Version,
    pub(crate) name: String,
    pub(crate) down: bool,
}

impl FromStr for FileName {
    type Err = FileError;

    fn from_str(file: &str) -> Result<Self, FileError> {
        let stem = file.strip_suffix(".sql").ok_or(FileError::Name)?;
        let (stem, down) = stem.strip_suffix(".down").map_or((stem, false), |stem| (stem, true));
        let (version, name) = stem.split_at_checked(13).ok_or(FileError::Name)?;
        let name = name.strip_prefix('_').ok_or(FileError::Name)?;
        let good = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !good {
            return Err(FileError::Name);
        }
        Ok(Self { version: version.parse()?, name: name.to_owned(), down })
    }
}

impl Migration {
    pub(crate) fn read(name: FileName, bytes: &[u8]) -> Result<Self, FileError> {
        let text = normalised(bytes)?;
        let (statements, comments) = lexer::read(&text)?;
        if statements.is_empty() {
            return Err(FileError::Empty);
        }
        statements.iter().try_for_each(allowed)?;
        let directives = directive::read(&comments).map_err(FileError::Directive)?;
        let described = comments.iter().find(|comment| !comment.text.starts_with("nexo:"));
        let description = described.map(|comment| comment.text.clone()).unwrap_or_default();
        Ok(Self {
            version: name.version,
            name: name.name,
            description,
            checksum: checksum(&text),
            statements,
            directives,
            down: None,
        })
    }

    /// The file's name.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}_{}.sql", self.version, self.name)
    }
}

/// The text as every editor and checkout gives it: no byte order mark, `\n` at line ends.
pub(crate) fn normalised(bytes: &[u8]) -> Result<String, FileError> {
    let text = std::str::from_utf8(bytes).map_err(|_| FileError::NotUtf8)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n"))
}

fn checksum(text: &str) -> String {
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The runner alone begins, commits and locks; whoever does it in a file breaks what the history promises.
fn allowed(statement: &Statement) -> Result<(), FileError> {
    let words: Vec<&str> = statement.words.iter().map(String::as_str).collect();
    let because = match words.as_slice() {
        ["begin" | "commit" | "rollback" | "savepoint" | "release" | "start" | "end" | "abort", ..]
        | ["prepare", "transaction", ..] => "the runner begins and commits",
        ["set" | "reset", "role", ..]
        | ["set", "local" | "session", "role", ..]
        | ["set" | "reset", "session", "authorization", ..] => "it runs as its own role",
        ["copy", .., "stdin"] => "a file has no standard input",
        words if words.iter().any(|word| word.starts_with("pg_advisory_unlock")) => {
            "the lock is the runner's"
        }
        _ => return Ok(()),
    };
    let words = words.into_iter().take(3).collect::<Vec<_>>().join(" ");
    Err(FileError::Forbidden { line: statement.line, words, because })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, text: &[u8]) -> Result<Migration, FileError> {
        Migration::read(file.parse()?, text)
    }

    #[test]
    fn a_file_must_be_named_by_a_real_date() {
        for bad in [
            "1.sql",
            "20260230_0000_a.sql",
            "20260101_2460_a.sql",
            "20260101_0000_A.sql",
            "20260101_0000_.sql",
            "20260101_0000_a.txt",
            "20260101_0000.sql",
            "é0260101_0000_a.sql",
        ] {
            assert_eq!(read(bad, b"select 1").unwrap_err(), FileError::Name, "{bad}");
        }
        assert_eq!(read("20260101_0000_first_table.sql", b"-- Why.\nselect 1").unwrap().description, "Why.");
    }

    #[test]
    fn line_ends_and_a_byte_order_mark_do_not_count() {
        let sum = |text: &str| read("20260101_0000_a.sql", text.as_bytes()).unwrap().checksum;
        assert_eq!(sum("select 1;\nselect 2;\n"), sum("\u{feff}select 1;\r\nselect 2;\r\n"));
        assert_ne!(sum("select 1;"), sum("select 1; "));
    }

    #[test]
    fn what_only_the_runner_may_do_is_refused() {
        for bad in [
            "commit",
            "begin",
            "set role a",
            "set local role a",
            "reset role",
            "set session authorization a",
            "select pg_advisory_unlock_all()",
            "copy t from stdin",
        ] {
            let refused = read("20260101_0000_a.sql", format!("select 1;\n{bad};").as_bytes()).unwrap_err();
            assert!(matches!(refused, FileError::Forbidden { line: 2, .. }), "{bad}: {refused}");
        }
        assert_eq!(read("20260101_0000_a.sql", b"-- nothing").unwrap_err(), FileError::Empty);
        assert_eq!(read("20260101_0000_a.sql", b"\xff").unwrap_err(), FileError::NotUtf8);
        assert!(matches!(
            read("20260101_0000_a.sql", b"-- nexo:hurry\nselect 1"),
            Err(FileError::Directive(_))
        ));
    }

    #[test]
    fn directives_are_read() {
        let text =
            b"-- nexo:no-transaction\n-- nexo:lock-timeout 500ms\nselect 1;\n-- nexo:verify\nselect true;";
        let directives = read("20260101_0000_a.sql", text).unwrap().directives;
        assert!(directives.no_transaction);
        assert_eq!(directives.lock_timeout, Some(std::time::Duration::from_millis(500)));
        assert_eq!(directives.verify_from, Some(1));
    }
}
