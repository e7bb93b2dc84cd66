use ::backup::{Decision, sweep};
use clap::Args;
use serde_json::json;

use super::super::{Context, precaution::recovery};
use crate::{confirm::Card, say};

#[derive(Debug, Args)]
pub(in crate::db) struct Prune {
    /// Remove nothing: tell of each backup whether it stays, and why.
    #[arg(long)]
    dry_run: bool,
    /// The database's name, instead of typing it.
    #[arg(long, value_name = "DATABASE")]
    confirm: Option<String>,
}

impl Prune {
    pub(in crate::db) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let config = context.backups()?;
        let target = context.target().await?;
        let fates = config.prune(true).await?;
        let old = sweep(&target.migrator, true).await?;
        let going: Vec<_> = fates.iter().filter(|fate| fate.decision == Decision::Remove).collect();
        if !context.json {
            for fate in &fates {
                let decision = if fate.decision == Decision::Keep { "keep" } else { "remove" };
                say::line(&format!("{decision:<7} {:<44} {}", fate.name.as_str(), fate.why));
            }
            for database in &old {
                say::line(&format!(
                    "remove  database {database}: kept by an earlier restore, and a later one kept another"
                ));
            }
        }
        let done = if self.dry_run || (going.is_empty() && old.is_empty()) {
            Ok(())
        } else {
            let mut at_risk: Vec<String> = going.iter().map(|fate| format!("backup {}", fate.name)).collect();
            at_risk.extend(old.iter().map(|database| format!("database {database}")));
            let card = Card {
                operation: format!("remove {} backups and {} databases", going.len(), old.len()),
                risk: "what is in them alone cannot be brought back".to_owned(),
                at_risk,
                backup: "the newest verified one stays".to_owned(),
                recovery: recovery(&config)?,
                undo: "it cannot be undone".to_owned(),
            };
            let work = async {
                config.prune(false).await?;
                sweep(&target.migrator, false).await?;
                Ok(())
            };
            card.confirm(&target.asked(self.confirm.as_deref()), work).await
        };
        target.leave().await?;
        done?;
        if context.json {
            say::json(&json!({ "backups": fates, "databases": old, "removed": !self.dry_run }))?;
        }
        Ok(true)
    }
}

#[derive(Debug, Args)]
pub(in crate::db) struct Pin {
    /// Which: a name, or `latest`.
    name: String,
    /// Why it is never to be removed.
    #[arg(long, value_name = "REASON", required_unless_present = "off", conflicts_with = "off")]
    because: Option<String>,
    /// It may be removed again.
    #[arg(long)]
    off: bool,
}

impl Pin {
    pub(in crate::db) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let config = context.backups()?;
        let name = config.find(&self.name)?;
        config.pin(&name, self.because.clone()).await?;
        if context.json {
            say::json(&json!({ "name": name, "pinned": self.because }))?;
        } else {
            say::line(&if self.off { format!("{name} may be removed") } else { format!("{name} stays") });
        }
        Ok(true)
    }
}
