//! Directives in comments of a migration file. `docs/migrations.md` lists them all.

use std::{str::FromStr, time::Duration};

use super::{Release, Version, lexer::Comment};

/// Directives of a migration file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directives {
    /// `nexo:no-transaction`: runs statement by statement, without a transaction.
    pub no_transaction: bool,
    /// `nexo:lock-timeout 2s`: maximum time for which a statement waits for a lock.
    pub lock_timeout: Option<Duration>,
    /// `nexo:verify`: statements from this one on are queries that must return true.
    pub verify_from: Option<usize>,
    /// `nexo:min-app 1.4.0`: oldest release that works with the resulting schema.
    pub min_app: Option<Release>,
    /// `nexo:allow rule because reason`: linter findings to suppress.
    pub allows: Vec<Allow>,
    /// `nexo:backfill on app.clients batch 1000 pause 20ms`: the next statement is one batch of a backfill.
    pub backfill: Option<Backfill>,
    /// `nexo:needs-backfill 20260101_0000`: the backfill of that file must be complete.
    pub needs_backfill: Option<Version>,
}

/// A linter rule that one statement may violate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    /// Name of the linter rule to suppress.
    pub rule: String,
    /// Reason for the exception.
    pub reason: String,
    /// Line of the comment, from 1.
    pub line: usize,
    /// Index of the statement that follows, from 0.
    pub statement: usize,
}

/// A backfill that runs in batches after the migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backfill {
    /// Qualified name of the table.
    pub table: String,
    /// Number of rows per transaction.
    pub batch: u32,
    /// Pause between two batches.
    pub pause: Duration,
    /// Index of the statement that changes a batch, from 0.
    pub statement: usize,
}

pub(super) fn read(comments: &[Comment]) -> Result<Directives, String> {
    let mut found = Directives::default();
    for comment in comments {
        let Some(directive) = comment.text.strip_prefix("nexo:") else { continue };
        one(&mut found, comment, directive).map_err(|wrong| format!("line {}: {wrong}", comment.line))?;
    }
    Ok(found)
}

fn one(found: &mut Directives, comment: &Comment, directive: &str) -> Result<(), String> {
    let (name, rest) = directive.split_once(' ').unwrap_or((directive, ""));
    let rest = rest.trim();
    match name {
        "no-transaction" => found.no_transaction = true,
        "lock-timeout" => found.lock_timeout = Some(duration(rest)?),
        "verify" => found.verify_from = Some(comment.after),
        "min-app" => found.min_app = Some(rest.parse()?),
        "needs-backfill" => {
            let version = Version::from_str(rest).map_err(|_| format!("`{rest}` is no version"))?;
            found.needs_backfill = Some(version);
        }
        "backfill" if found.backfill.is_some() => return Err("a file has one backfill".to_owned()),
        "backfill" => found.backfill = Some(backfill(rest, comment.after)?),
        "allow" => found.allows.push(allow(rest, comment)?),
        other => return Err(format!("there is no directive nexo:{other}")),
    }
    Ok(())
}

fn allow(rest: &str, comment: &Comment) -> Result<Allow, String> {
    let (rule, reason) = rest.split_once(" because ").ok_or("say `nexo:allow rule because reason`")?;
    if rule.contains(' ') || reason.trim().is_empty() {
        return Err("say `nexo:allow rule because reason`".to_owned());
    }
    let (rule, reason) = (rule.to_owned(), reason.trim().to_owned());
    Ok(Allow { rule, reason, line: comment.line, statement: comment.after })
}

fn backfill(rest: &str, statement: usize) -> Result<Backfill, String> {
    let wrong = || "say `nexo:backfill on schema.table batch 1000 pause 20ms`".to_owned();
    let words: Vec<&str> = rest.split_whitespace().collect();
    let ["on", table, "batch", batch, "pause", pause] = words.as_slice() else { return Err(wrong()) };
    let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let named = table
        .split_once('.')
        .is_some_and(|(schema, name)| [schema, name].iter().all(|p| !p.is_empty() && p.chars().all(part)));
    let batch: u32 = batch.parse().ok().filter(|rows| (1..=100_000).contains(rows)).ok_or_else(wrong)?;
    if !named {
        return Err(wrong());
    }
    Ok(Backfill { table: (*table).to_owned(), batch, pause: duration(pause)?, statement })
}

/// Parses a duration: `500ms`, `2s` or `5min`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("min", 60_000), ("s", 1000)];
    let (number, unit) =
        units.iter().find_map(|(name, ms)| Some((text.strip_suffix(name)?, ms))).unwrap_or((text, &0));
    let number: Option<u64> = number.parse().ok().filter(|_| *unit > 0);
    let millis = number.and_then(|number| number.checked_mul(*unit));
    millis
        .map(Duration::from_millis)
        .ok_or_else(|| format!("`{text}` is not a time such as 500ms, 2s or 5min"))
}
