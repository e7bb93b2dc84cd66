use ::backup::{Config, Decision, Exclusive, KeptDatabase, RetentionDecision};
use clap::Args;
use serde_json::json;

use super::super::{Context, Target, backup_args::recovery};
use crate::{
    confirm::{Risk, RiskSummary},
    output,
};

#[derive(Debug, Args)]
pub(in crate::db) struct Prune {
    /// Remove nothing: show for each backup whether it is kept, and why.
    #[arg(long)]
    dry_run: bool,
    /// Name of the database: confirms without a prompt.
    #[arg(long, value_name = "DATABASE")]
    confirm: Option<String>,
}

impl Prune {
    pub(in crate::db) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let config = context.backups()?;
        let target = context.target().await?;
        let done = Box::pin(self.prune(context, &config, &target)).await;
        target.leave().await?;
        let plan = done?;
        if context.json {
            let removed = !self.dry_run;
            output::json(&json!({ "backups": plan.fates, "databases": plan.databases, "removed": removed }))?;
        }
        Ok(true)
    }

    async fn prune(&self, context: &Context, config: &Config, target: &Target) -> anyhow::Result<PrunePlan> {
        let mut exclusive = target.alone("nexo db prune").await?;
        let plan = PrunePlan::new(config, &mut exclusive).await?;
        if !context.json {
            plan.lines().iter().for_each(|line| output::line(line));
        }
        if !self.dry_run && !plan.is_empty() {
            let work = plan.carry_out(config, &mut exclusive);
            plan.card(config)?.confirm(&target.asked(self.confirm.as_deref()), work).await?;
        }
        exclusive.leave().await?;
        Ok(plan)
    }
}

/// Prunes by schedule, without confirmation. Removals are recorded in `ops.operator_log` and returned as text.
pub(super) async fn by_schedule(config: &Config, target: &Target) -> anyhow::Result<String> {
    let mut exclusive = target.alone("nexo db schedule: prune").await?;
    let plan = PrunePlan::new(config, &mut exclusive).await?;
    if !plan.is_empty() {
        plan.card(config)?.carry_out(&target.log("schedule"), plan.carry_out(config, &mut exclusive)).await?;
    }
    exclusive.leave().await?;
    let mut told = plan.going();
    told.push(format!(
        "pruned: {} backups and {} databases removed, {} backups stay",
        plan.removed().count(),
        plan.databases.len(),
        plan.fates.len() - plan.removed().count()
    ));
    Ok(told.join("\n"))
}

/// Retention decisions on all backups and kept databases.
struct PrunePlan {
    fates: Vec<RetentionDecision>,
    databases: Vec<KeptDatabase>,
}

impl PrunePlan {
    async fn new(config: &Config, exclusive: &mut Exclusive) -> anyhow::Result<Self> {
        let databases = exclusive.outlived(config.newest_at()?).await?;
        Ok(Self { fates: config.fates()?, databases })
    }

    fn removed(&self) -> impl Iterator<Item = &RetentionDecision> {
        self.fates.iter().filter(|fate| fate.decision == Decision::Remove)
    }

    fn is_empty(&self) -> bool {
        self.databases.is_empty() && self.removed().next().is_none()
    }

    fn lines(&self) -> Vec<String> {
        let stays = self.fates.iter().filter(|fate| fate.decision == Decision::Keep);
        let stays = stays.map(|fate| format!("keep    {:<44} {}", fate.name.as_str(), fate.why));
        stays.chain(self.going()).collect()
    }

    fn going(&self) -> Vec<String> {
        let backups = self.removed().map(|fate| format!("remove  {:<44} {}", fate.name.as_str(), fate.why));
        let databases =
            self.databases.iter().map(|kept| format!("remove  database {}: {}", kept.database, kept.about()));
        backups.chain(databases).collect()
    }

    fn card(&self, config: &Config) -> anyhow::Result<RiskSummary> {
        let backups = self.removed().map(|fate| format!("backup {} ({})", fate.name, fate.why));
        let databases =
            self.databases.iter().map(|kept| format!("database {} ({})", kept.database, kept.about()));
        Ok(RiskSummary {
            operation: format!(
                "remove {} backups and {} databases",
                self.removed().count(),
                self.databases.len()
            ),
            risk: Risk::High.because("what is in them alone cannot be brought back"),
            at_risk: backups.chain(databases).collect(),
            backup: "the newest verified one stays".to_owned(),
            recovery: recovery(config)?,
            undo: "it cannot be undone".to_owned(),
        })
    }

    async fn carry_out(&self, config: &Config, exclusive: &mut Exclusive) -> anyhow::Result<()> {
        config.remove(&self.fates).await?;
        for kept in &self.databases {
            exclusive.drop_kept(&kept.database).await?;
        }
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(in crate::db) struct Pin {
    /// Name of the backup, or `latest`.
    name: String,
    /// Reason for keeping it permanently.
    #[arg(long, value_name = "REASON", required_unless_present = "off", conflicts_with = "off")]
    reason: Option<String>,
    /// Unpin it, so that retention may remove it, also if it has a label.
    #[arg(long)]
    off: bool,
}

impl Pin {
    pub(in crate::db) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let config = context.backups()?;
        let name = config.find(&self.name)?;
        config.pin(&name, self.reason.clone()).await?;
        if context.json {
            output::json(&json!({ "name": name, "pinned": self.reason }))?;
        } else {
            output::line(&if self.off { format!("{name} may be removed") } else { format!("{name} stays") });
        }
        Ok(true)
    }
}
