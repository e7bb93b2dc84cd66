use ::backup::LOCK_TIMEOUT;
use clap::Args;
use migrate::{ResolvedBy, Version, losses, rollback};
use serde_json::json;

use super::{
    Context, Target,
    backup_args::{BackupArgs, recovery},
    examine,
    temp_server::TempServer,
};
use crate::{
    confirm::{Risk, RiskSummary},
    output,
};

#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// Version to roll back to: all later ones are undone.
    #[arg(long, value_name = "VERSION")]
    to: Version,
    /// Reason, recorded in the migration history.
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    /// Name of the database: confirms without a prompt.
    #[arg(long, value_name = "DATABASE")]
    confirm: Option<String>,
    #[command(flatten)]
    precaution: BackupArgs,
}

impl Rollback {
    pub(super) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let target = context.target().await?;
        let done = async {
            let undone = Box::pin(self.roll_back(context, &target)).await?;
            let problems = examine::run(context, &target, &context.migrations()?, true).await?;
            Ok::<_, anyhow::Error>((undone, problems))
        };
        let done = Box::pin(done).await;
        target.leave().await?;
        let (undone, problems) = done?;
        if context.json {
            output::json(&json!({ "rolled_back": undone, "version": self.to, "problems": problems }))?;
        } else {
            output::line(&format!("took back {}: the database is at {}", undone.len(), self.to));
        }
        Ok(problems.is_empty())
    }

    async fn roll_back(&self, context: &mut Context, target: &Target) -> anyhow::Result<Vec<Version>> {
        let (migrations, settings) = (context.migrations()?, Context::settings());
        let _alone = target.alone_if_possible("nexo db rollback", LOCK_TIMEOUT).await?;
        let scratch = TempServer::like(&target.migrator, &context.env).await?;
        let lost = losses(&target.migrator, &migrations, &self.to, &scratch.migrator, &settings).await?;
        let mut at_risk: Vec<String> = lost.iter().map(ToString::to_string).collect();
        if at_risk.is_empty() {
            at_risk.push("no table and no column is dropped".to_owned());
        }
        let hooks = self.precaution.hooks(context, target)?;
        let card = RiskSummary {
            operation: format!("take back every migration after {}", self.to),
            risk: Risk::High
                .because("what was written into what is dropped is lost; releases that need it stop working"),
            at_risk,
            backup: self.precaution.told(),
            recovery: recovery(&context.backups()?)?,
            undo: "migrate again gives the schema back; its rows come from the backup".to_owned(),
        };
        let asked = target.asked(self.confirm.as_deref());
        let decision = ResolvedBy { actor: &asked.log.actor, reason: &self.reason };
        let work = async {
            Ok(rollback(&target.migrator, &migrations, &self.to, &*hooks, decision, &settings).await?)
        };
        Box::pin(card.confirm(&asked, work)).await
    }
}
