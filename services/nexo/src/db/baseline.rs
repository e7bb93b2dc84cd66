use clap::Args;
use migrate::{Version, baseline};
use serde_json::json;

use super::{Context, temp_server::TempServer};
use crate::{operator_log, output};

#[derive(Debug, Args)]
pub(super) struct Baseline {
    /// Version that the database already has.
    version: Version,
}

impl Baseline {
    pub(super) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let migrations = context.migrations()?;
        let target = context.target().await?;
        let done = async {
            let scratch = TempServer::like(&target.migrator, &context.env).await?;
            let (settings, actor) = (Context::settings(), operator_log::actor());
            let adopted =
                baseline(&target.migrator, &migrations, &self.version, &scratch.migrator, &actor, &settings);
            Ok::<_, anyhow::Error>(adopted.await?)
        };
        let done = target.record(&format!("adopt the database at {}", self.version), done).await;
        target.leave().await?;
        let adopted = done?;
        if context.json {
            output::json(&json!({ "version": self.version, "adopted": adopted }))?;
        } else {
            output::line(&format!("adopted at {}: {adopted} migrations are noted as applied", self.version));
        }
        Ok(true)
    }
}
