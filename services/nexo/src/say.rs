//! What the operator reads: the only code that writes to standard output.
//!
//! An answer that did not arrive is no success: who keeps it as evidence on a full disk must not be told that all is well.
//! A reader that has gone (`| head`) has read what it wanted.

use std::{
    io::{self, ErrorKind, Write as _},
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

/// Why an answer did not arrive, the first time that one did not.
static UNWRITTEN: Mutex<Option<io::Error>> = Mutex::new(None);

/// An answer, on standard output.
pub(crate) fn line(text: &str) {
    let mut unwritten = UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    if unwritten.is_none() {
        *unwritten = write(text).err();
    }
}

fn write(text: &str) -> io::Result<()> {
    if stdout::was_closed() {
        return Err(io::Error::other("standard output is closed"));
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// The exit code of a command that has come to its end: 2 where an answer of it did not arrive.
pub(crate) fn finish(code: ExitCode) -> ExitCode {
    match UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            problem(&format!("the answer could not be written: {error}"));
            ExitCode::from(2)
        }
        _ => code,
    }
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
    let _ = writeln!(io::stderr(), "{text}"); // nobody may be listening
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
