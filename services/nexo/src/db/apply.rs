use std::time::Duration;

use clap::Args;
use migrate::{Outcome, Settings, Version};
use serde_json::json;

use super::{Context, dry_run, examine, precaution::Precaution, safe};
use crate::say;

#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// The last version to apply.
    #[arg(long, value_name = "VERSION")]
    to: Option<Version>,
    /// Apply nothing: show what each statement would lock, rewrite and scan, tried on a scratch copy of the schema.
    #[arg(long, conflicts_with = "safe")]
    dry_run: bool,
    /// Back up, compare, lint, apply, verify, back up; stop at the first failure.
    #[arg(long)]
    safe: bool,
    /// Go on without a backup; needs --reason.
    #[arg(long, requires = "reason")]
    no_backup: bool,
    /// Why it is done without a backup.
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// How long a statement may wait for a table before it gives way and tries again.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = migrate::duration)]
    lock_timeout: Duration,
    /// How often a file is tried that could not get its locks.
    #[arg(long, value_name = "COUNT", default_value_t = 30)]
    attempts: u32,
    /// How long to wait for another process that migrates.
    #[arg(long, value_name = "TIME", default_value = "5min", value_parser = migrate::duration)]
    wait: Duration,
}

impl Migrate {
    pub(super) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let settings = Settings {
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
        let _alone = target.alone_if_possible("nexo db migrate").await?;
        let hooks = Precaution { no_backup: self.no_backup }.hooks(context, &target)?;
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

/// Whether `problems`, which were told already, is empty.
pub(super) fn show(context: &Context, outcome: &Outcome, problems: &[String]) -> anyhow::Result<bool> {
    if context.json {
        let Outcome { applied, version } = outcome;
        say::json(&json!({ "applied": applied, "version": version, "problems": problems }))?;
        return Ok(problems.is_empty());
    }
    let version = outcome.version.as_ref().map_or_else(|| "no version".to_owned(), ToString::to_string);
    match outcome.applied.len() {
        0 => say::line(&format!("nothing to apply: the database is at {version}")),
        count => say::line(&format!("applied {count}: the database is at {version}")),
    }
    Ok(problems.is_empty())
}
