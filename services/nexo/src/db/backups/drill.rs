use serde_json::json;

use super::super::Context;
use crate::output;

pub(in crate::db) async fn run(context: &mut Context) -> anyhow::Result<bool> {
    let config = context.backups()?;
    let (name, drill) = config.drill().await?;
    if context.json {
        output::json(&json!({ "name": name, "drill": drill }))?;
    } else {
        output::line(&format!("{name} was restored on a server of its own and compared"));
        output::line(&format!(
            "recovery time   {}.{:03} s (RTO)",
            drill.recovery_ms / 1000,
            drill.recovery_ms % 1000
        ));
        output::line(&format!("recovery point  {} s ago (RPO)", drill.age_seconds));
    }
    Ok(true)
}
