use std::time::Duration;

use clap::Args;
use migrate::{RunOptions, RunSummary, Version};
use serde_json::json;

use super::{Context, backup_args::BackupArgs, dry_run, examine, safe};
use crate::output;

#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// Last version to apply; by default all.
    #[arg(long, value_name = "VERSION")]
    to: Option<Version>,
    /// Apply nothing: show what each statement would lock, rewrite and scan, tried on a scratch copy of the schema.
    #[arg(long, conflicts_with = "safe")]
    dry_run: bool,
    /// Back up, compare, lint, apply, verify, back up; stop at the first failure.
    #[arg(long)]
    safe: bool,
    /// Continue without a backup; needs --reason.
    #[arg(long, requires = "reason")]
    no_backup: bool,
    /// Reason for the missing backup.
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// How long a statement waits for a lock before it is aborted and retried.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = migrate::duration)]
    lock_timeout: Duration,
    /// How often a file is retried that could not get its locks.
    #[arg(long, value_name = "COUNT", default_value_t = 30)]
    attempts: u32,
    /// How long to wait for another process that migrates.
    #[arg(long, value_name = "TIME", default_value = "5min", value_parser = migrate::duration)]
    wait: Duration,
}

impl Migrate {
    pub(super) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let settings = RunOptions {
            to: self.to.clone(),
            lock_timeout: self.lock_timeout,
            attempts: self.attempts.max(1),
            lock_wait: self.wait,
            ..Context::settings()
        };
        if self.dry_run {
            return dry_run::run(context, &settings).await;
        }
        if self.safe {
            let without = self.reason.as_deref().filter(|_| self.no_backup);
            return safe::run(context, &settings, without).await;
        }
        let migrations = context.migrations()?;
        let target = context.target().await?;
        let _alone = target.alone_if_possible("nexo db migrate", self.wait).await?;
        let hooks = BackupArgs { no_backup: self.no_backup }.hooks(context, &target)?;
        let outcome = migrate::migrate(&target.migrator, &migrations, &*hooks, &settings).await;
        if outcome.is_ok() && self.to.is_none() && context.folder.is_none() {
            ::db::partitions_ahead(&target.migrator).await?;
        }
        let problems = match &outcome {
            Ok(outcome) => {
                examine::run(context, &target, &migrations, !outcome.applied.is_empty()).await.map(Some)
            }
            Err(_) => Ok(None),
        };
        target.leave().await?;
        show(context, &outcome?, &problems?.unwrap_or_default())
    }
}

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
