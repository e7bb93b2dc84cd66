use std::time::Duration;

use clap::Args;
use migrate::{RunOptions, Version};

use super::{Context, backup_args::BackupArgs, dry_run, examine, run_summary, safe};

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
        let work = async { Ok(migrate::migrate(&target.migrator, &migrations, &*hooks, &settings).await?) };
        let outcome: anyhow::Result<_> = target.record("migrate", work).await;
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
        run_summary::show(context, &outcome?, &problems?.unwrap_or_default())
    }
}
