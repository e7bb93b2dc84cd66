use clap::Args;
use migrate::{Decision, Version, losses, rollback};
use serde_json::json;

use super::{
    Context, Target, examine,
    precaution::{Precaution, recovery},
    scratch::Scratch,
};
use crate::{
    confirm::{Card, Risk},
    say,
};

#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// The version to go back to: everything after it is taken back.
    #[arg(long, value_name = "VERSION")]
    to: Version,
    /// Why; kept in the history.
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    /// The database's name, instead of typing it.
    #[arg(long, value_name = "DATABASE")]
    confirm: Option<String>,
    #[command(flatten)]
    precaution: Precaution,
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
            say::json(&json!({ "rolled_back": undone, "version": self.to, "problems": problems }))?;
        } else {
            say::line(&format!("took back {}: the database is at {}", undone.len(), self.to));
        }
        Ok(problems.is_empty())
    }

    async fn roll_back(&self, context: &mut Context, target: &Target) -> anyhow::Result<Vec<Version>> {
        let (migrations, settings) = (context.migrations()?, Context::settings());
        let _alone = target.alone_if_possible("nexo db rollback").await?;
        let scratch = Scratch::like(&target.migrator, &context.env).await?;
        let lost = losses(&target.migrator, &migrations, &self.to, &scratch.migrator, &settings).await?;
        let mut at_risk: Vec<String> = lost.iter().map(ToString::to_string).collect();
        if at_risk.is_empty() {
            at_risk.push("no table and no column is dropped".to_owned());
        }
        let hooks = self.precaution.hooks(context, target)?;
        let card = Card {
            operation: format!("take back every migration after {}", self.to),
            risk: Risk::High
                .because("what was written into what is dropped is lost; releases that need it stop working"),
            at_risk,
            backup: self.precaution.told(),
            recovery: recovery(&context.backups()?)?,
            undo: "migrate again gives the schema back; its rows come from the backup".to_owned(),
        };
        let asked = target.asked(self.confirm.as_deref());
        let decision = Decision { actor: &asked.actor, reason: &self.reason };
        let work = async {
            Ok(rollback(&target.migrator, &migrations, &self.to, &*hooks, decision, &settings).await?)
        };
        Box::pin(card.confirm(&asked, work)).await
    }
}
