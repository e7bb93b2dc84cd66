use migrate::RunSummary;
use serde_json::json;

use super::Context;
use crate::output;

/// Prints the outcome; returns true if `problems`, which were printed before, is empty.
pub(super) fn show(context: &Context, outcome: &RunSummary, problems: &[String]) -> anyhow::Result<bool> {
    if context.json {
        let RunSummary { applied, version } = outcome;
        output::json(&json!({ "applied": applied, "version": version, "problems": problems }))?;
        return Ok(problems.is_empty());
    }
    let version = outcome.version.as_ref().map_or_else(|| "no version".to_owned(), ToString::to_string);
    match outcome.applied.len() {
        0 => output::line(&format!("nothing to apply: the database is at {version}")),
        count => output::line(&format!("applied {count}: the database is at {version}")),
    }
    Ok(problems.is_empty())
}
