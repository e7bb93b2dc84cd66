use clap::Args;
use serde_json::json;

use super::{Context, role::Role};
use crate::say;

#[derive(Debug, Args)]
pub(in crate::db) struct Url {
    /// Whose.
    #[arg(long, value_enum, default_value = "nexo_migrator")]
    role: Role,
}

impl Url {
    /// The address holds a password: it is for programs, and no log.
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
            say::json(&json!({ "role": self.role.name(), "url": address }))?;
        } else {
            say::line(&address);
        }
        Ok(true)
    }
}
