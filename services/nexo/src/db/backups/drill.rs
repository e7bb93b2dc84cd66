use serde_json::json;

use super::super::Context;
use crate::say;

pub(in crate::db) async fn run(context: &mut Context) -> anyhow::Result<bool> {
    let config = context.backups()?;
    let (name, drill) = config.drill().await?;
    if context.json {
        say::json(&json!({ "name": name, "drill": drill }))?;
    } else {
        say::line(&format!("{name} was restored on a server of its own and compared"));
        say::line(&format!(
            "recovery time   {}.{:03} s (RTO)",
            drill.recovery_ms / 1000,
            drill.recovery_ms % 1000
        ));
        say::line(&format!("recovery point  {} s ago (RPO)", drill.age_seconds));
    }
    Ok(true)
}
