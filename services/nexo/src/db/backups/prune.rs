use ::backup::{Config, Decision, Exclusive, Fate, Kept};
use clap::Args;
use serde_json::json;

use super::super::{Context, Target, precaution::recovery};
use crate::{
    confirm::{Card, Risk},
    say,
};

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
        let done = Box::pin(self.prune(context, &config, &target)).await;
        target.leave().await?;
        let plan = done?;
        if context.json {
            let removed = !self.dry_run;
            say::json(&json!({ "backups": plan.fates, "databases": plan.databases, "removed": removed }))?;
        }
        Ok(true)
    }

    async fn prune(&self, context: &Context, config: &Config, target: &Target) -> anyhow::Result<Plan> {
        let mut exclusive = target.alone("nexo db prune").await?;
        let plan = Plan::of(config, &mut exclusive).await?;
        if !context.json {
            plan.lines().iter().for_each(|line| say::line(line));
        }
        if !self.dry_run && !plan.is_empty() {
            let work = plan.carry_out(config, &mut exclusive);
            plan.card(config)?.confirm(&target.asked(self.confirm.as_deref()), work).await?;
        }
        exclusive.leave().await?;
        Ok(plan)
    }
}

/// The same by the schedule, which nobody is asked about. What goes is noted in `ops.operator_log` and told.
pub(super) async fn by_schedule(config: &Config, target: &Target) -> anyhow::Result<String> {
    let mut exclusive = target.alone("nexo db schedule: prune").await?;
    let plan = Plan::of(config, &mut exclusive).await?;
    if !plan.is_empty() {
        let asked = crate::confirm::Asked { actor: "schedule".to_owned(), ..target.asked(None) };
        plan.card(config)?.carry_out(&asked, plan.carry_out(config, &mut exclusive)).await?;
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

/// What goes, and what stays.
struct Plan {
    fates: Vec<Fate>,
    databases: Vec<Kept>,
}

impl Plan {
    async fn of(config: &Config, exclusive: &mut Exclusive) -> anyhow::Result<Self> {
        let databases = exclusive.outlived(config.newest_at()?).await?;
        Ok(Self { fates: config.fates()?, databases })
    }

    fn removed(&self) -> impl Iterator<Item = &Fate> {
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

    fn card(&self, config: &Config) -> anyhow::Result<Card> {
        let backups = self.removed().map(|fate| format!("backup {} ({})", fate.name, fate.why));
        let databases =
            self.databases.iter().map(|kept| format!("database {} ({})", kept.database, kept.about()));
        Ok(Card {
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
    /// Which: a name, or `latest`.
    name: String,
    /// Why it is never to be removed.
    #[arg(long, value_name = "REASON", required_unless_present = "off", conflicts_with = "off")]
    reason: Option<String>,
    /// It may be removed again, also if a person named it.
    #[arg(long)]
    off: bool,
}

impl Pin {
    pub(in crate::db) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let config = context.backups()?;
        let name = config.find(&self.name)?;
        config.pin(&name, self.reason.clone()).await?;
        if context.json {
            say::json(&json!({ "name": name, "pinned": self.reason }))?;
        } else {
            say::line(&if self.off { format!("{name} may be removed") } else { format!("{name} stays") });
        }
        Ok(true)
    }
}
