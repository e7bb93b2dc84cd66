//! What a file says of itself in comments. `docs/migrations.md` lists them all.

use std::{str::FromStr, time::Duration};

use super::{Release, Version, lexer::Comment};

/// What a file asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directives {
    /// `nexo:no-transaction`: runs outside of a transaction, statement by statement.
    pub no_transaction: bool,
    /// `nexo:lock-timeout 2s`: how long a statement may wait for a lock.
    pub lock_timeout: Option<Duration>,
    /// `nexo:verify`: statements from this one on are questions that must be answered by true.
    pub verify_from: Option<usize>,
    /// `nexo:min-app 1.4.0`: the oldest release that can work with the schema this file makes.
    pub min_app: Option<Release>,
    /// `nexo:allow rule because reason`: what the linter is not to say.
    pub allows: Vec<Allow>,
    /// `nexo:backfill on app.clients batch 1000 pause 20ms`: the next statement is one batch of a backfill.
    pub backfill: Option<Backfill>,
    /// `nexo:needs-backfill 20260101_0000`: the backfill of that file must have ended.
    pub needs_backfill: Option<Version>,
}

/// A rule of the linter that one statement may break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    /// The rule.
    pub rule: String,
    /// Why it may be broken.
    pub reason: String,
    /// The line of the comment.
    pub line: usize,
    /// The statement that follows, from 0.
    pub statement: usize,
}

/// Rows that are changed after the migration, batch by batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backfill {
    /// The table, with its schema.
    pub table: String,
    /// Rows in one transaction.
    pub batch: u32,
    /// The rest between two of them.
    pub pause: Duration,
    /// Which statement changes one batch, from 0.
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

/// `500ms`, `2s` or `5min`.
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
