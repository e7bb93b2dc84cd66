//! Single statements of a script: refusals, and queries of verify blocks.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::{AppliedPart, Error, FailedStatement, LockHolder, Script, file::ExecutionMode};

/// Error of statement `at` (from 0), which the server refused.
pub(crate) fn failed(script: &Script, at: usize, refusal: sqlx::Error, blocker: Option<LockHolder>) -> Error {
    let statement = script.statements.get(at);
    let stays = match statement.and_then(ExecutionMode::from_statement) {
        _ if !script.directives.no_transaction => AppliedPart::Nothing,
        Some(ExecutionMode::Unknown) => AppliedPart::PerhapsMore(at),
        _ => AppliedPart::Before(at),
    };
    let (file, line) = (script.file.clone(), statement.map_or(0, |statement| statement.line));
    let blocker = blocker.map(Box::new);
    Error::Statement(FailedStatement { file, line, statement: at + 1, refusal, blocker, stays })
}

/// Runs a query of a verify block; fails unless all rows are true.
pub(crate) async fn ask(conn: &mut PgConnection, script: &Script, at: usize) -> Result<(), Error> {
    let Some(statement) = script.statements.get(at) else { return Ok(()) };
    let question = sqlx::query_as(AssertSqlSafe(statement.text.clone())).persistent(false);
    let answers: Vec<(Option<bool>,)> =
        question.fetch_all(conn).await.map_err(|source| failed(script, at, source, None))?;
    if answers.is_empty() || answers.iter().any(|(answer,)| *answer != Some(true)) {
        let (file, question) = (script.file.clone(), statement.text.clone());
        return Err(Error::NotTrue { file, line: statement.line, question });
    }
    Ok(())
}
