use ::backup::{BackupRequest, Config, VerificationLevel};
use clap::Args;
use migrate::{Hooks, NoHooks};

use super::{Context, Target};
use crate::{operator_log, output};

/// Options for the backup before a risky operation.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct BackupArgs {
    /// Take no backup before the operation; needs --reason.
    #[arg(long, requires = "reason")]
    pub(super) no_backup: bool,
}

impl BackupArgs {
    /// Hooks that take backups around migrations.
    pub(super) fn hooks(&self, context: &mut Context, target: &Target) -> anyhow::Result<Box<dyn Hooks>> {
        if self.no_backup { Ok(Box::new(NoHooks)) } else { context.hooks(target) }
    }

    /// Takes the backup that the summary announced.
    pub(super) async fn take(&self, config: &Config, target: &Target, label: &str) -> anyhow::Result<()> {
        if self.no_backup {
            return Ok(());
        }
        if let Some(name) = config.still_good(&target.reader).await? {
            output::note(&format!("nothing was written since {name}: that is the way back"));
            return Ok(());
        }
        let taken =
            config.backup(&target.reader, &BackupRequest::of_command(label, &operator_log::actor())).await?;
        config.verify(&taken.name, VerificationLevel::Archive).await?;
        output::note(&format!("backed up: {}", taken.name));
        Ok(())
    }

    /// Description of the backup for the summary.
    pub(super) fn told(&self) -> String {
        if self.no_backup {
            "NONE, as --no-backup says".to_owned()
        } else {
            "is taken first, and read to its end; or the last one, if nothing was written since".to_owned()
        }
    }
}

/// Options of commands that may lose data.
#[derive(Debug, Args)]
pub(crate) struct ConfirmArgs {
    #[command(flatten)]
    pub(super) precaution: BackupArgs,
    /// Reason for the missing backup.
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: Option<String>,
    /// Name of the database: confirms without a prompt.
    #[arg(long, value_name = "DATABASE")]
    confirm: Option<String>,
}

impl ConfirmArgs {
    /// Description of backup and reason for the summary.
    pub(super) fn told(&self) -> String {
        let reason = self.reason.as_ref().map(|reason| format!(" (reason: {reason})")).unwrap_or_default();
        format!("{}{reason}", self.precaution.told())
    }

    /// Value of `--confirm`, if given.
    pub(super) fn given(&self) -> Option<&str> {
        self.confirm.as_deref()
    }
}

/// Duration of a restore, as measured by the last drill.
pub(super) fn recovery(config: &Config) -> anyhow::Result<String> {
    let entries = config.backups()?;
    let drill =
        entries.iter().find_map(|entry| Some((entry.status.drill.as_ref()?, entry.manifest.as_ref()?)));
    let newest = entries.iter().find_map(|entry| entry.manifest.as_ref());
    Ok(match (drill, newest) {
        (Some((drill, then)), Some(now)) => {
            let growth = now.archive.plain_bytes.max(1) * 1000 / then.archive.plain_bytes.max(1);
            let seconds = (drill.recovery_ms * growth / 1_000_000).max(1);
            format!("about {seconds} s, as the drill of {} tells", drill.at.date())
        }
        _ => "not measured yet: run `nexo db drill`".to_owned(),
    })
}
