//! What a file says of itself in comments: `-- nexo:no-transaction`, `-- nexo:lock-timeout 2s`,
//! `-- nexo:allow rule because reason`, `-- nexo:verify`.

use std::time::Duration;

use crate::lexer::Comment;

/// What a file asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Directives {
    /// Runs outside of a transaction, statement by statement.
    pub(crate) no_transaction: bool,
    /// How long a statement may wait for a lock.
    pub(crate) lock_timeout: Option<Duration>,
    /// Statements from this one on are questions that must be answered by true.
    pub(crate) verify_from: Option<usize>,
}

pub(crate) fn read(comments: &[Comment]) -> Result<Directives, String> {
    let mut found = Directives::default();
    for comment in comments {
        let Some(directive) = comment.text.strip_prefix("nexo:") else { continue };
        let (name, rest) = directive.split_once(' ').unwrap_or((directive, ""));
        match name {
            "no-transaction" => found.no_transaction = true,
            "lock-timeout" => {
                let wrong = || format!("line {}: `{rest}` is not a time such as 500ms or 2s", comment.line);
                found.lock_timeout = Some(duration(rest.trim()).ok_or_else(wrong)?);
            }
            "verify" => found.verify_from = Some(comment.after),
            "allow" if rest.contains(" because ") => {} // heeded by the linter
            "allow" => return Err(format!("line {}: say `nexo:allow rule because reason`", comment.line)),
            other => return Err(format!("line {}: there is no directive nexo:{other}", comment.line)),
        }
    }
    Ok(found)
}

fn duration(text: &str) -> Option<Duration> {
    if let Some(number) = text.strip_suffix("ms") {
        return number.parse().ok().map(Duration::from_millis);
    }
    text.strip_suffix('s')?.parse().ok().map(Duration::from_secs)
}
