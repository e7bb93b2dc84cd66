use migrate::{OperatorDecision, Release, State, Status, status};

use super::Context;
use crate::output;

pub(super) async fn run(context: &mut Context) -> anyhow::Result<bool> {
    let migrations = context.migrations()?;
    let target = context.target().await?;
    let status = status(&target.migrator, &migrations, Release::ours()).await;
    target.leave().await?;
    let status = status?;
    if context.json {
        output::json(&status)?;
    } else {
        show(&status);
    }
    Ok(status.is_current())
}

fn show(status: &Status) {
    for line in &status.migrations {
        let mut state = words(&line.state);
        if let Some(OperatorDecision { actor, reason }) = &line.decided {
            state = format!("{state} (by {actor}; reason: {reason})");
        }
        if let Some(backfill) = &line.backfill {
            let done = if backfill.done { "done" } else { "to be run" };
            state = format!(
                "{state}; backfill {done} ({} rows seen, {} changed)",
                backfill.seen, backfill.changed
            );
        }
        output::line(&format!("{}  {:<24} {state}", line.version, line.name));
    }
    if let Some(why) = &status.tampered {
        output::line(&format!("the history was changed by hand: {why}"));
    }
    if let Some(holder) = &status.lock {
        output::line(&format!("a process migrates at this moment: {holder}"));
    }
}

/// Human-readable state of a migration.
pub(super) fn words(state: &State) -> String {
    match state {
        State::Applied => "applied".to_owned(),
        State::Pending => "pending".to_owned(),
        State::OutOfOrder => "out of order: older than what is applied".to_owned(),
        State::Edited { applied, present } => {
            format!("edited after it was applied: it was {applied}, it is {present}")
        }
        State::Renamed { applied } => format!("renamed after it was applied: it was {applied}"),
        State::Newer => "applied by a newer release, whose schema this one can work with".to_owned(),
        State::Missing => "applied, and unknown to this program".to_owned(),
        State::Failed { statement, error, known } => {
            let unknown = if *known { "" } else { ", and unknown to this program" };
            let error = error.as_deref().unwrap_or("its process ended");
            format!("failed at statement {statement}{unknown}: {error}")
        }
    }
}
