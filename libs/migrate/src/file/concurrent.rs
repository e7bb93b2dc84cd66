//! Execution of statements outside of a transaction: which are safe to repeat after a crash.

use super::lexer::Statement;

/// Execution mode of a statement in a file without transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExecutionMode {
    /// In a transaction of its own, which also records progress.
    Transaction,
    /// Builds an index concurrently; the leftover of a failed build is found by its name.
    BuildsIndex(NewIndex),
    /// Cannot run in a transaction, and is idempotent.
    Repeatable,
    /// Cannot run in a transaction, and may have been applied partially.
    Unknown,
}

/// Index that `create index concurrently` builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewIndex {
    /// Name as written, with quotes.
    pub(crate) name: String,
    /// Table name as written.
    pub(crate) table: String,
}

impl ExecutionMode {
    /// Determines the mode; `None` for an index without a name, whose failed build could not be found.
    pub(crate) fn from_statement(statement: &Statement) -> Option<Self> {
        let words: Vec<&str> = statement.words.iter().map(String::as_str).collect();
        Some(match words.as_slice() {
            ["create", "index", "concurrently", ..] | ["create", "unique", "index", "concurrently", ..] => {
                Self::BuildsIndex(new_index(&statement.text)?)
            }
            ["drop", "index", "concurrently", ..] | ["vacuum" | "reindex" | "checkpoint", ..] => {
                Self::Repeatable
            }
            ["alter", "table", .., "concurrently" | "finalize"] => Self::Unknown,
            ["call" | "do" | "cluster", ..]
            | ["create" | "drop" | "alter", "database" | "tablespace" | "subscription" | "system", ..] => {
                Self::Unknown
            }
            _ => Self::Transaction,
        })
    }
}

/// Whether the server always refuses the statement in a transaction.
pub(super) fn refuses_transactions(statement: &Statement) -> bool {
    let words: Vec<&str> = statement.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["create" | "drop", rest @ ..] => {
            let rest = rest.strip_prefix(&["unique"]).unwrap_or(rest);
            rest.starts_with(&["index", "concurrently"]) || matches!(rest, ["database" | "tablespace", ..])
        }
        ["reindex", rest @ ..] => rest.contains(&"concurrently"),
        ["vacuum", ..] | ["alter", "system", ..] | ["alter", "table", .., "concurrently"] => true,
        _ => false,
    }
}

fn new_index(text: &str) -> Option<NewIndex> {
    let mut rest = after(text, "concurrently")?;
    if let Some(more) = ["if", "not", "exists"].iter().try_fold(rest, |rest, word| keyword(rest, word)) {
        rest = more;
    }
    let (name, rest) = identifier(rest)?;
    let rest = keyword(rest, "on")?;
    let rest = keyword(rest, "only").unwrap_or(rest);
    let (schema, rest) = identifier(rest)?;
    let table = match rest.strip_prefix('.') {
        Some(rest) => format!("{schema}.{}", identifier(rest)?.0),
        None => schema.to_owned(),
    };
    (!name.eq_ignore_ascii_case("on")).then(|| NewIndex { name: name.to_owned(), table })
}

fn after<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let at = text.to_ascii_lowercase().find(word)?;
    text.get(at + word.len()..)
}

fn keyword<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let (found, rest) = identifier(text)?;
    found.eq_ignore_ascii_case(word).then_some(rest)
}

fn identifier(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = if let Some(quoted) = text.strip_prefix('"') {
        quoted.find('"')? + 2
    } else {
        text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(text.len())
    };
    (end > 0).then(|| text.split_at_checked(end)).flatten()
}

#[cfg(test)]
mod tests {
    use super::{super::lexer::split, *};

    fn manner(sql: &str) -> Option<ExecutionMode> {
        ExecutionMode::from_statement(&split(sql).unwrap()[0])
    }

    fn builds(name: &str, table: &str) -> ExecutionMode {
        ExecutionMode::BuildsIndex(NewIndex { name: name.to_owned(), table: table.to_owned() })
    }

    #[test]
    fn an_index_is_known_by_its_name() {
        let plain = "create index concurrently ix on app.things (id)";
        assert_eq!(manner(plain), Some(builds("ix", "app.things")));
        let long = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"Ix\"\n ON ONLY \"app\".\"Th ings\" (id)";
        assert_eq!(manner(long), Some(builds("\"Ix\"", "\"app\".\"Th ings\"")));
        assert_eq!(manner("create index concurrently on app.things (id)"), None);
    }

    #[test]
    fn what_may_be_sent_again_is_known() {
        for (sql, wanted) in [
            ("insert into a values (1)", ExecutionMode::Transaction),
            ("create index a on b (c)", ExecutionMode::Transaction),
            ("vacuum analyze a", ExecutionMode::Repeatable),
            ("drop index concurrently if exists a", ExecutionMode::Repeatable),
            ("call f()", ExecutionMode::Unknown),
            ("alter table a detach partition b concurrently", ExecutionMode::Unknown),
        ] {
            assert_eq!(manner(sql), Some(wanted), "{sql}");
        }
    }
}
