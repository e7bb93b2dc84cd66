use std::time::Duration;

use ::backup::{Config, Job, Level, Order, Plan, due};
use clap::Args;
use metrics::counter;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use web::{Watch, Watched};

use super::{
    super::{Context, Target},
    now,
};
use crate::say;

#[derive(Debug, Args)]
pub(in crate::db) struct Schedule {
    /// Run what is due now, and end.
    #[arg(long)]
    once: bool,
    /// Only tell when each job is due next.
    #[arg(long, conflicts_with = "once")]
    list: bool,
}

const TICK: Duration = Duration::from_secs(15);

impl Schedule {
    pub(in crate::db) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let plan = Plan::read(&mut context.env);
        let watch_at = Watch::read(&mut context.env, "nexo schedule", 9303);
        let config = context.backups()?;
        if self.list {
            return list(context, &plan);
        }
        let watched = if self.once { None } else { Some(watch_at.start().await?) };
        if let Some(watched) = &watched {
            watch(watched, &config);
        }
        let target = context.target().await?;
        let done = self.work(&config, &plan, &target).await;
        target.leave().await?;
        done.map(|()| true)
    }

    async fn work(&self, config: &Config, plan: &Plan, target: &Target) -> anyhow::Result<()> {
        if self.once {
            return turn(config, plan, target).await;
        }
        tokio::select! {
            () = web::shutdown_signal() => Ok(()),
            () = keep(config, plan, target) => Ok(()),
        }
    }
}

/// Shows what there is of backups, as it is when somebody looks.
pub(crate) fn watch(watched: &Watched, config: &Config) {
    let config = config.clone();
    watched.also(move || config.told_to_monitors());
}

/// Does what is due, for ever. Any number of schedulers may run: the database gives each run to one of them.
pub(crate) async fn keep(config: &Config, plan: &Plan, target: &Target) {
    loop {
        if let Err(failed) = turn(config, plan, target).await {
            say::problem(&say::causes(&failed)); // the next turn may find the database again
        }
        tokio::time::sleep(TICK).await;
    }
}

async fn turn(config: &Config, plan: &Plan, target: &Target) -> anyhow::Result<()> {
    let mut conn = PgConnection::connect_with(&target.migrator).await?;
    let jobs = due(&mut conn, plan, now()).await?;
    conn.close().await?;
    if !jobs.is_empty() {
        ::db::partitions_ahead(&target.migrator).await?; // services that do not migrate make none
    }
    let mut failed = Vec::new();
    for job in jobs {
        say::note(&format!("{} begins", job.name()));
        match one(config, job, target).await {
            Ok(outcome) => say::line(&outcome),
            Err(error) => {
                counter!("nexo_schedule_failures_total", "work" => job.name()).increment(1);
                failed.push(format!("{} failed: {}", job.name(), say::causes(&error)));
            }
        }
    }
    anyhow::ensure!(failed.is_empty(), failed.join("\n"));
    Ok(())
}

async fn one(config: &Config, job: Job, target: &Target) -> anyhow::Result<String> {
    Ok(match job {
        Job::Backup => {
            let manifest = config.backup(&target.reader, &Order::new("scheduled", "schedule")).await?;
            config.verify(&manifest.name, Level::Archive).await?;
            anyhow::ensure!(
                manifest.unsent.is_empty(),
                "{} is here alone: {}",
                manifest.name,
                manifest.unsent.join("; ")
            );
            format!("backed up: {} ({} rows)", manifest.name, manifest.rows())
        }
        Job::Drill => {
            let (name, drill) = config.drill().await?;
            format!("drilled: {name} in {} ms", drill.recovery_ms)
        }
        Job::Prune => super::prune::by_schedule(config, target).await?,
    })
}

fn list(context: &Context, plan: &Plan) -> anyhow::Result<bool> {
    let jobs: Vec<_> = plan.jobs().map(|(job, cron)| (job, cron, plan.next(job, now()))).collect();
    if context.json {
        let jobs: Vec<_> = jobs
            .iter()
            .map(|(job, cron, next)| json!({ "job": job, "cron": cron, "next": next.map(say::moment) }))
            .collect();
        say::json(&jobs)?;
    } else {
        for (job, cron, next) in jobs {
            let next = next.map_or_else(|| "never".to_owned(), say::moment);
            say::line(&format!("{:<8} {cron:<14} next: {next}", job.name()));
        }
    }
    Ok(true)
}
