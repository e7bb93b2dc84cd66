//! No file may add a breach of isolation: the rules are asked before its transaction ends.

use std::fmt;

use sqlx::PgConnection;

use crate::{Breach, Error, Script, error::Stays, isolation::breaches_so_far};

/// Breaches that a file or a statement adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The file's name.
    pub file: String,
    /// The statement that adds them, from 1; `None`: the file as a whole.
    pub statement: Option<usize>,
    /// Each of them.
    pub breaches: Vec<Breach>,
    /// What the file leaves.
    pub stays: Stays,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        self.statement.iter().try_for_each(|statement| write!(f, ", statement {statement}"))?;
        write!(f, ": accounts would not be kept apart any more:")?;
        self.breaches.iter().try_for_each(|breach| write!(f, "\n  {breach}"))?;
        write!(f, "{}", self.stays)
    }
}

/// Remembers the breaches that are there already, so that only new ones are refused.
#[derive(Debug)]
pub(crate) struct Inspector {
    /// `None`: a database that is being made, which is looked at once, when all is applied.
    known: Option<Vec<Breach>>,
}

impl Inspector {
    /// For a database that holds something.
    pub(crate) async fn of_used(conn: &mut PgConnection) -> Result<Self, sqlx::Error> {
        Ok(Self { known: Some(breaches_so_far(conn).await?) })
    }

    /// For a database without a history.
    pub(crate) fn of_fresh() -> Self {
        Self { known: None }
    }

    /// In the transaction of `script`, or behind one of its statements (from 0).
    pub(crate) async fn look(
        &mut self,
        conn: &mut PgConnection,
        script: &Script,
        statement: Option<usize>,
        stays: Stays,
    ) -> Result<(), Error> {
        let Some(known) = &mut self.known else { return Ok(()) };
        let found = breaches_so_far(conn).await?;
        let breaches: Vec<_> = found.iter().filter(|breach| !known.contains(breach)).cloned().collect();
        if breaches.is_empty() {
            *known = found;
            return Ok(());
        }
        let (file, statement) = (script.file.clone(), statement.map(|at| at + 1));
        Err(Error::Breaks(Broken { file, statement, breaches, stays }))
    }
}
