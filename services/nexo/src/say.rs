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

/// How it goes, on standard error: the answer stays clean.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// What went wrong, on standard error.
pub(crate) fn problem(text: &str) {
    note(&format!("nexo: {text}"));
}
