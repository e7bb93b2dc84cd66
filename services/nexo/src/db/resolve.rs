use clap::{ArgGroup, Args};
use migrate::{ResolvedBy, Verdict, Version, resolve, standing};
use serde_json::json;

use super::{Context, Target};
use crate::{confirm::RiskSummary, output};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("verdict").required(true).args(["applied", "rolled_back"]))]
pub(super) struct Resolve {
    /// Version of the failed or interrupted migration.
    version: Version,
    /// It was completed manually. Its verify block must succeed.
    #[arg(long)]
    applied: bool,
    /// It was undone manually, and is pending again.
    #[arg(long)]
    rolled_back: bool,
    /// Reason, recorded in the migration history.
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    /// Name of the database: confirms without a prompt.
    #[arg(long, value_name = "DATABASE")]
    confirm: Option<String>,
}

impl Resolve {
    pub(super) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let target = context.target().await?;
        let done = Box::pin(self.resolve(context, &target)).await;
        target.leave().await?;
        done?;
        let verdict = if self.applied { "applied" } else { "pending again" };
        if context.json {
            output::json(&json!({ "version": self.version, "verdict": verdict }))?;
        } else {
            output::line(&format!("{} counts as {verdict}", self.version));
        }
        Ok(true)
    }

    async fn resolve(&self, context: &Context, target: &Target) -> anyhow::Result<()> {
        let migrations = context.migrations()?;
        let standing = standing(&target.migrator, &migrations, &self.version).await?;
        output::note(standing.to_string().trim_end());
        let (operation, risk, verdict) = if self.applied {
            ("note it as applied", "what it should have done and did not will be missing", Verdict::Applied)
        } else {
            ("note it as pending", "the next run does it from its first statement", Verdict::RolledBack)
        };
        let card = RiskSummary {
            operation: format!("{operation}: {}", standing.file),
            risk: crate::confirm::Risk::Medium.because(risk),
            at_risk: vec!["none: only its row in ops.migration_history is written".to_owned()],
            backup: "none is needed".to_owned(),
            recovery: "at once".to_owned(),
            undo: "compare with `nexo db diff`; the row keeps who decided, and why".to_owned(),
        };
        let asked = target.asked(self.confirm.as_deref());
        let settings = Context::settings();
        let decision = ResolvedBy { actor: &asked.log.actor, reason: &self.reason };
        let work = async {
            Ok(resolve(&target.migrator, &migrations, &self.version, verdict, decision, &settings).await?)
        };
        card.confirm(&asked, work).await
    }
}
