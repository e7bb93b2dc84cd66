use clap::Args;
use migrate::{Decision, NoHooks, Version, losses, rollback};
use serde_json::json;

use super::{Context, Target, scratch::Scratch};
use crate::{confirm::Card, say};

#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// The version to go back to: everything after it is taken back.
    #[arg(long, value_name = "VERSION")]
    to: Version,
    /// Why; kept in the history.
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    because: String,
    /// The database's name, instead of typing it.
    #[arg(long, value_name = "DATABASE")]
    confirm: Option<String>,
}

impl Rollback {
    pub(super) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let target = context.target().await?;
        let done = self.roll_back(context, &target).await;
        target.leave().await?;
        let undone = done?;
        if context.json {
            say::json(&json!({ "rolled_back": undone, "version": self.to }))?;
        } else {
            say::line(&format!("took back {}: the database is at {}", undone.len(), self.to));
        }
        Ok(true)
    }

    async fn roll_back(&self, context: &Context, target: &Target) -> anyhow::Result<Vec<Version>> {
        let (migrations, settings) = (context.migrations()?, Context::settings());
        let scratch = Scratch::like(&target.migrator, &context.env).await?;
        let lost = losses(&target.migrator, &migrations, &self.to, &scratch.migrator, &settings).await?;
        let mut at_risk: Vec<String> = lost.iter().map(ToString::to_string).collect();
        if at_risk.is_empty() {
            at_risk.push("no table and no column is dropped".to_owned());
        }
        let card = Card {
            operation: format!("take back every migration after {}", self.to),
            risk: "what was written into what is dropped is lost; releases that need it stop working"
                .to_owned(),
            at_risk,
            undo: "migrate again gives the schema back, but not its rows: they are in a backup alone"
                .to_owned(),
        };
        card.confirm(&target.name(), self.confirm.as_deref())?;
        let actor = Context::actor();
        let decision = Decision { actor: &actor, because: &self.because };
        Ok(rollback(&target.migrator, &migrations, &self.to, &NoHooks, decision, &settings).await?)
    }
}
