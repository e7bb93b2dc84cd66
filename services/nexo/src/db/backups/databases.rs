use clap::Args;
use serde_json::json;

use super::{super::Context, size};
use crate::{
    confirm::{Risk, RiskSummary},
    output,
};

#[derive(Debug, Args)]
pub(in crate::db) struct Databases {
    /// Drop this database before its week is over.
    #[arg(long, value_name = "DATABASE")]
    drop: Option<String>,
    /// Name of the live database: confirms without a prompt.
    #[arg(long, value_name = "DATABASE", requires = "drop")]
    confirm: Option<String>,
}

impl Databases {
    pub(in crate::db) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let target = context.target().await?;
        let done = match &self.drop {
            None => list(context, &target).await,
            Some(database) => self.drop(context, &target, database).await,
        };
        target.leave().await?;
        done.map(|()| true)
    }

    async fn drop(
        &self,
        context: &Context,
        target: &super::super::Target,
        database: &str,
    ) -> anyhow::Result<()> {
        let mut exclusive = target.alone("nexo db databases --drop").await?;
        let kept = exclusive.before(Some(database)).await?;
        let card = RiskSummary {
            operation: format!("drop database {database}, {}", kept.about()),
            risk: Risk::High.because("what is in it alone cannot be brought back"),
            at_risk: vec![format!("{database}: {}", size(u64::try_from(kept.bytes).unwrap_or_default()))],
            backup: "none is taken".to_owned(),
            recovery: "there is none".to_owned(),
            undo: "it cannot be undone".to_owned(),
        };
        let work = async { Ok(exclusive.drop_kept(database).await?) };
        card.confirm(&target.asked(self.confirm.as_deref()), work).await?;
        if context.json {
            output::json(&json!({ "dropped": database }))?;
        } else {
            output::line(&format!("{database} is dropped"));
        }
        Ok(())
    }
}

async fn list(context: &Context, target: &super::super::Target) -> anyhow::Result<()> {
    let mut exclusive = target.alone("nexo db databases").await?;
    let kept = exclusive.kept().await?;
    exclusive.leave().await?;
    if context.json {
        return output::json(&kept);
    }
    for one in &kept {
        let bytes = size(u64::try_from(one.bytes).unwrap_or_default());
        let sessions = if one.sessions == 0 { String::new() } else { format!(", {} sessions", one.sessions) };
        output::line(&format!("{:<36} {bytes:>10}  {}{sessions}", one.database, one.about()));
    }
    if kept.is_empty() {
        output::line(&format!("no restore has kept a database beside {}", target.name()));
    }
    Ok(())
}
