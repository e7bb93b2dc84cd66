//! Parsing of a migration file.

mod concurrent;
mod directive;
mod error;
mod lexer;
mod template;
mod version;

use std::str::FromStr;

use aws_lc_rs::digest;
use concurrent::refuses_transactions;
pub(crate) use concurrent::{ExecutionMode, NewIndex};
pub use directive::{Allow, Backfill, Directives, duration};
pub use error::FileError;
pub use lexer::{LexError, Statement, split};
pub use template::{down_template, template};
pub use version::{Release, Version};

/// A migration with its scripts.
#[derive(Debug, Clone)]
pub struct Migration {
    /// Version, which orders the history.
    pub version: Version,
    /// Name, as in the file name.
    pub name: String,
    /// First line of the first comment.
    pub description: String,
    /// SHA-256 of the normalized text, in hex; line endings and byte order mark are ignored.
    pub checksum: String,
    /// Script that applies the migration.
    pub up: Script,
    /// Script that reverts it, if there is a down file.
    pub down: Option<Script>,
}

/// Content of a migration file, in order.
#[derive(Debug, Clone)]
pub struct Script {
    /// Name of the migration file.
    pub file: String,
    /// Text without byte order mark, with `\n` line endings.
    pub text: String,
    /// Statements to execute, in order.
    pub statements: Vec<Statement>,
    /// Directives for the execution.
    pub directives: Directives,
}

impl Script {
    pub(crate) fn read(file: String, bytes: &[u8]) -> Result<(Self, String), FileError> {
        let text = normalised(bytes)?;
        let (statements, comments) = lexer::read(&text)?;
        if statements.is_empty() {
            return Err(FileError::Empty);
        }
        statements.iter().try_for_each(allowed)?;
        let directives = directive::read(&comments).map_err(FileError::Directive)?;
        let described = comments.iter().find(|comment| !comment.text.starts_with("nexo:"));
        let description = described.map(|comment| comment.text.clone()).unwrap_or_default();
        let script = Self { file, text, statements, directives };
        script.check()?;
        Ok((script, description))
    }

    /// Checks that need the whole file.
    fn check(&self) -> Result<(), FileError> {
        for statement in self.statements.iter().filter(|_| self.directives.no_transaction) {
            if ExecutionMode::from_statement(statement).is_none() {
                return Err(FileError::Nameless { line: statement.line });
            }
        }
        let alone = self.directives.no_transaction;
        if let Some(statement) = self.statements.iter().find(|one| !alone && refuses_transactions(one)) {
            return Err(FileError::NeedsNoTransaction { line: statement.line });
        }
        let Some(backfill) = &self.directives.backfill else { return Ok(()) };
        let batch = self.statements.get(backfill.statement);
        let scoped = batch.is_some_and(|batch| {
            ["account_id", "$1", "$2"].iter().all(|part| batch.text.contains(part))
                && batch.words.first().is_some_and(|word| word == "update")
        });
        if scoped && !alone { Ok(()) } else { Err(FileError::Backfill) }
    }

    /// Whether this statement is the batch of a backfill, which does not run with the migration.
    pub(crate) fn is_backfill(&self, at: usize) -> bool {
        self.directives.backfill.as_ref().is_some_and(|backfill| backfill.statement == at)
    }

    /// Whether this statement is a verification query, which must return true.
    pub(crate) fn is_question(&self, at: usize) -> bool {
        self.directives.verify_from.is_some_and(|from| at >= from)
    }
}

/// A parsed file name.
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
        let file = format!("{}_{}.sql", name.version, name.name);
        let (up, description) = Script::read(file, bytes)?;
        let checksum = checksum(&up.text);
        Ok(Self { version: name.version, name: name.name, description, checksum, up, down: None })
    }

    /// Name of the migration's file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.up.file
    }
}

/// Normalizes the text: no byte order mark, `\n` line endings.
fn normalised(bytes: &[u8]) -> Result<String, FileError> {
    let text = std::str::from_utf8(bytes).map_err(|_| FileError::NotUtf8)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n"))
}

fn checksum(text: &str) -> String {
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Rejects statements reserved for the runner: transactions, roles and locks in a file would invalidate the
/// history.
fn allowed(statement: &Statement) -> Result<(), FileError> {
    let words: Vec<&str> = statement.words.iter().map(String::as_str).collect();
    let reason = match words.as_slice() {
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
    Err(FileError::Forbidden { line: statement.line, words, reason })
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
        let directives = read("20260101_0000_a.sql", text).unwrap().up.directives;
        assert!(directives.no_transaction);
        assert_eq!(directives.lock_timeout, Some(std::time::Duration::from_millis(500)));
        assert_eq!(directives.verify_from, Some(1));
    }
}
