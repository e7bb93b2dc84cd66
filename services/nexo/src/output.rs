//! Output of commands: the only code that writes to standard output.
//!
//! An output that could not be written is a failure: evidence stored on a full disk must not appear complete. A closed
//! pipe (`| head`) is none, since its reader has seen enough.

use std::{
    io::{self, ErrorKind, Write as _},
    process::ExitCode,
    sync::{Mutex, OnceLock, PoisonError},
};

use serde::Serialize;

/// First error in writing to standard output.
static UNWRITTEN: Mutex<Option<io::Error>> = Mutex::new(None);

/// Addresses of the database, for the message that nothing answers there.
static DATABASE: OnceLock<String> = OnceLock::new();

/// Sets the addresses of the database that this command works on.
pub(crate) fn set_database(addresses: String) {
    let _ = DATABASE.set(addresses); // a command works on one
}

/// Prints a line of the result on standard output.
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

/// Final exit code of a command: 2 if its result could not be written.
pub(crate) fn finish(code: ExitCode) -> ExitCode {
    match UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            problem(&format!("the answer could not be written: {error}"));
            ExitCode::from(2)
        }
        _ => code,
    }
}

/// Prints a result as JSON on standard output.
pub(crate) fn json(answer: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(answer)?);
    Ok(())
}

/// Time in RFC 3339 format, for programs.
pub(crate) fn moment(at: time::OffsetDateTime) -> String {
    at.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

/// Prints progress on standard error, so that the result stays separate.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}"); // standard error may be closed
}

/// Prints an error on standard error.
pub(crate) fn problem(text: &str) {
    note(&format!("nexo: {text}"));
}

/// Error and causes in one line, without repetition, with the server's messages verbatim.
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
        if let Some(advice) = cause.downcast_ref().and_then(advice) {
            text = format!("{text} ({advice})");
        }
    }
    text
}

/// What an error of the connection leaves open: where it was, or that something is between.
fn advice(error: &sqlx::Error) -> Option<String> {
    let refused = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    match (error, refused.as_deref()) {
        (sqlx::Error::Io(_), _) => DATABASE.get().map(|addresses| format!("the database is {addresses}")),
        // Prepared statements that another session has, or that are missing in this one.
        (_, Some("26000" | "42P05")) => Some(
            "the address seems to be that of a pooler in transaction mode: give that of PostgreSQL itself"
                .to_owned(),
        ),
        _ => None,
    }
}
