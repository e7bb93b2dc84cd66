//! What the operator reads. A closed pipe is no reason to fail.

use std::io::Write as _;

use serde::Serialize;

/// An answer, on standard output.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// An answer as JSON, on standard output.
pub(crate) fn json(answer: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(answer)?);
    Ok(())
}

/// A moment as RFC 3339 has it, which every program reads.
pub(crate) fn moment(at: time::OffsetDateTime) -> String {
    at.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

/// How it goes, on standard error: the answer stays clean.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// What went wrong, on standard error.
pub(crate) fn problem(text: &str) {
    note(&format!("nexo: {text}"));
}

/// What went wrong and why, in one line of causes: each said once, and a server's message as the server wrote it.
pub(crate) fn causes(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let refused = cause.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
        let said = refused.map_or_else(|| cause.to_string(), |refused| refused.message().to_owned());
        if text.is_empty() {
            text = said;
        } else if !text.contains(&said) && !cause.is::<sqlx::postgres::PgDatabaseError>() {
            text = format!("{text}: {said}");
        }
    }
    text
}
