use std::fmt;

use migrate::{Script, Statement};
use serde::Serialize;

/// A violation of a linter rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Name of the migration file.
    pub file: String,
    /// Line of the violation, from 1.
    pub line: usize,
    /// Index of the statement, from 0.
    pub statement: usize,
    /// Name of the violated rule, as used in `nexo:allow`.
    pub rule: String,
    /// Description of the problem, and its solution.
    pub message: String,
}

impl Finding {
    /// Creates a finding for a statement of a script.
    #[must_use]
    pub fn about(script: &Script, statement: usize, rule: &str, message: impl Into<String>) -> Self {
        let line = script.statements.get(statement).map_or(1, |statement| statement.line);
        Self { file: script.file.clone(), line, statement, rule: rule.to_owned(), message: message.into() }
    }

    /// Moves the finding to a position in the statement, `at` bytes after its beginning.
    pub(crate) fn at(self, statement: &Statement, at: usize) -> Self {
        let before = statement.text.get(..at).unwrap_or_default();
        Self { line: statement.line + before.matches('\n').count(), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.rule, self.message)
    }
}
