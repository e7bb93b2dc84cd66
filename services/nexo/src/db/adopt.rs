use clap::Args;
use migrate::{Version, baseline};
use serde_json::json;

use super::{Context, scratch::Scratch};
use crate::say;

#[derive(Debug, Args)]
pub(super) struct Baseline {
    /// The version that the database has already.
    version: Version,
}

impl Baseline {
    pub(super) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let migrations = context.migrations()?;
        let target = context.target().await?;
        let done = async {
            let scratch = Scratch::like(&target.migrator, &context.env).await?;
            let (settings, actor) = (Context::settings(), Context::actor());
            let adopted =
                baseline(&target.migrator, &migrations, &self.version, &scratch.migrator, &actor, &settings);
            Ok::<_, anyhow::Error>(adopted.await?)
        };
        let done = done.await;
        target.leave().await?;
        let adopted = done?;
        if context.json {
            say::json(&json!({ "version": self.version, "adopted": adopted }))?;
        } else {
            say::line(&format!("adopted at {}: {adopted} migrations are noted as applied", self.version));
        }
        Ok(true)
    }
}
