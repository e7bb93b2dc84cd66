use clap::Args;
use migrate::{NoHooks, migrate};
use serde_json::json;

use super::{
    Context,
    precaution::{Consent, recovery},
};
use crate::{
    confirm::{Card, Risk},
    say,
};

#[derive(Debug, Args)]
pub(super) struct Reset {
    #[command(flatten)]
    consent: Consent,
}

impl Reset {
    /// A new database is made beside, and takes the place of the live one, which is kept as the undo.
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
        let card = Card {
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
            say::json(&json!({ "kept": swapped.kept }))?;
        } else {
            say::line(&format!("the database is empty. What was live is kept as {}", swapped.kept));
        }
        Ok(true)
    }
}
