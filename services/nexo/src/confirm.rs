//! Before a command that could lose something: what it will do, and a word from whoever runs it.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use crate::say;

/// What an operator reads before they agree.
pub(crate) struct Card {
    /// What will be done.
    pub(crate) operation: String,
    /// What could go wrong.
    pub(crate) risk: String,
    /// What may be lost, a line each.
    pub(crate) at_risk: Vec<String>,
    /// How it is undone.
    pub(crate) undo: String,
}

/// Nobody has agreed.
#[derive(Debug, thiserror::Error)]
#[error("not confirmed. Type the database's name when asked, or give --confirm {0}")]
pub(crate) struct NotConfirmed(String);

impl Card {
    /// Shows the card; goes on if the database's name was given by `--confirm`, or is typed.
    pub(crate) fn confirm(&self, database: &str, given: Option<&str>) -> Result<(), NotConfirmed> {
        say::note(&format!("operation     {}", self.operation));
        say::note(&format!("risk          {}", self.risk));
        for (at, line) in self.at_risk.iter().enumerate() {
            let title = if at == 0 { "data at risk" } else { "" };
            say::note(&format!("{title:<13} {line}"));
        }
        say::note(&format!("to undo it    {}", self.undo));
        let agreed = match given {
            Some(given) => given == database,
            None => std::io::stdin().is_terminal() && ask(database) == database,
        };
        if agreed { Ok(()) } else { Err(NotConfirmed(database.to_owned())) }
    }
}

fn ask(database: &str) -> String {
    let _ = write!(std::io::stderr(), "Type the name of the database ({database}) to go on: ");
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer); // nothing typed is no agreement
    answer.trim().to_owned()
}
