//! Isolation check: a file must not add breaches; the rules are checked before its transaction commits.

use sqlx::PgConnection;

use crate::{AppliedPart, Breach, Error, NewBreaches, Script, isolation::breaches_so_far};

/// Knows the existing breaches, so that only new ones are refused.
#[derive(Debug)]
pub(crate) struct Inspector {
    /// `None` for a new database, which is checked once at the end.
    known: Option<Vec<Breach>>,
}

impl Inspector {
    /// Creates an inspector for a database in use.
    pub(crate) async fn of_used(conn: &mut PgConnection) -> Result<Self, sqlx::Error> {
        Ok(Self { known: Some(breaches_so_far(conn).await?) })
    }

    /// Creates an inspector for a database without a history.
    pub(crate) fn of_fresh() -> Self {
        Self { known: None }
    }

    /// Checks within the transaction of `script`, or after one of its statements (from 0).
    pub(crate) async fn look(
        &mut self,
        conn: &mut PgConnection,
        script: &Script,
        statement: Option<usize>,
        stays: AppliedPart,
    ) -> Result<(), Error> {
        let Some(known) = &mut self.known else { return Ok(()) };
        let found = breaches_so_far(conn).await?;
        let breaches: Vec<_> = found.iter().filter(|breach| !known.contains(breach)).cloned().collect();
        if breaches.is_empty() {
            *known = found;
            return Ok(());
        }
        let (file, statement) = (script.file.clone(), statement.map(|at| at + 1));
        Err(Error::Breaks(NewBreaches { file, statement, breaches, stays }))
    }
}
