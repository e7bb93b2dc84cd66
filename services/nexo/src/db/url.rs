use clap::Args;
use serde_json::json;

use super::{Context, role::Role};
use crate::output;

#[derive(Debug, Args)]
pub(in crate::db) struct Url {
    /// Role that the URL logs in as.
    #[arg(long, value_enum, default_value = "nexo_migrator")]
    role: Role,
}

impl Url {
    /// The URL contains a password: it is meant for programs, and must not be logged.
    pub(in crate::db) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let target = context.target().await?;
        let address = target.address(&context.env, self.role);
        let is_running = target.is_running_by_itself();
        target.leave().await?;
        anyhow::ensure!(
            is_running,
            "the private database does not run now, and its port may be another the next time: start `nexo up`"
        );
        let address = address?;
        if context.json {
            output::json(&json!({ "role": self.role.name(), "url": address }))?;
        } else {
            output::line(&address);
        }
        Ok(true)
    }
}
