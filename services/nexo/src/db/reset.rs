use clap::Args;
use migrate::{NoHooks, migrate};
use serde_json::json;

use super::{
    Context,
    backup_args::{ConfirmArgs, recovery},
};
use crate::{
    confirm::{Risk, RiskSummary},
    output,
};

#[derive(Debug, Args)]
pub(super) struct Reset {
    #[command(flatten)]
    consent: ConfirmArgs,
}

impl Reset {
    /// Creates a new database and swaps it in; the live one is kept for an undo.
    pub(super) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        anyhow::ensure!(
            !context.env.production(),
            "reset empties the database: not with NEXO_ENV=production"
        );
        let config = context.backups()?;
        let migrations = context.migrations()?;
        let target = context.target().await?;
        let exclusive = target.alone("nexo db reset").await?;
        exclusive.insist_idle().await?;
        let operation = format!("put an empty database in the place of {}", target.name());
        let card = RiskSummary {
            operation: operation.clone(),
            risk: Risk::High.because("everybody's data are gone from the live database"),
            at_risk: config.held(&target.reader).await?,
            backup: self.consent.told(),
            recovery: recovery(&config)?,
            undo: "nexo db restore --undo: what is live now is kept beside".to_owned(),
        };
        let work = async {
            self.consent.precaution.take(&config, &target, "before-reset").await?;
            let (empty, options) = Box::pin(config.empty_beside(exclusive)).await?;
            Box::pin(migrate(&options, &migrations, &NoHooks, &Context::settings())).await?;
            Ok(empty.swap_in(&config, &operation).await?)
        };
        let done = Box::pin(card.confirm(&target.asked(self.consent.given()), work)).await;
        target.leave().await?;
        let swapped = done?;
        if context.json {
            output::json(&json!({ "kept": swapped.kept }))?;
        } else {
            output::line(&format!("the database is empty. What was live is kept as {}", swapped.kept));
        }
        Ok(true)
    }
}
