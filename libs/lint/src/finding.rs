use std::fmt;

use migrate::{Script, Statement};
use serde::Serialize;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file's name.
    pub file: String,
    /// Where, from 1.
    pub line: usize,
    /// The statement, from 0.
    pub statement: usize,
    /// The rule that it breaks; `nexo:allow` names it.
    pub rule: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Finding {
    /// About a statement of a script.
    #[must_use]
    pub fn about(script: &Script, statement: usize, rule: &str, message: impl Into<String>) -> Self {
        let line = script.statements.get(statement).map_or(1, |statement| statement.line);
        Self { file: script.file.clone(), line, statement, rule: rule.to_owned(), message: message.into() }
    }

    /// About a place in a statement: `at` bytes behind its beginning.
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
