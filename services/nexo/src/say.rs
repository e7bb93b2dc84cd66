//! What the operator reads. A closed pipe is no reason to fail.

use std::io::Write as _;

/// An answer, on standard output.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// What went wrong, on standard error.
pub(crate) fn problem(text: &str) {
    let _ = writeln!(std::io::stderr(), "nexo: {text}");
}
