use std::time::Duration;

use ::backup::{BackupRequest, Config, Job, Plan, VerificationLevel, due};
use clap::Args;
use metrics::counter;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use web::{Telemetry, TelemetryConfig};

use super::{
    super::{Context, Target},
    now,
};
use crate::output;

#[derive(Debug, Args)]
pub(in crate::db) struct Schedule {
    /// Run the jobs that are due now, and exit.
    #[arg(long)]
    once: bool,
    /// Only show when each job is due next.
    #[arg(long, conflicts_with = "once")]
    list: bool,
}

const TICK: Duration = Duration::from_secs(15);

impl Schedule {
    pub(in crate::db) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let plan = Plan::read(&mut context.env);
        let watch_at = TelemetryConfig::read(&mut context.env, "nexo schedule", 9303);
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

/// Exposes metrics on the backups, computed at each scrape.
pub(crate) fn watch(watched: &Telemetry, config: &Config) {
    let config = config.clone();
    watched.also(move || config.told_to_monitors());
}

/// Runs due jobs forever. Several schedulers may run at once: the database assigns each run to one of them.
pub(crate) async fn keep(config: &Config, plan: &Plan, target: &Target) {
    loop {
        if let Err(failed) = turn(config, plan, target).await {
            output::problem(&output::causes(&failed)); // the database may be back at the next turn
        }
        tokio::time::sleep(TICK).await;
    }
}

async fn turn(config: &Config, plan: &Plan, target: &Target) -> anyhow::Result<()> {
    let mut conn = PgConnection::connect_with(&target.migrator).await?;
    let jobs = due(&mut conn, plan, now()).await?;
    conn.close().await?;
    if !jobs.is_empty() {
        ::db::partitions_ahead(&target.migrator).await?; // services that do not migrate create none
    }
    let mut failed = Vec::new();
    for job in jobs {
        output::note(&format!("{} begins", job.name()));
        match one(config, job, target).await {
            Ok(outcome) => output::line(&outcome),
            Err(error) => {
                counter!("nexo_schedule_failures_total", "work" => job.name()).increment(1);
                failed.push(format!("{} failed: {}", job.name(), output::causes(&error)));
            }
        }
    }
    anyhow::ensure!(failed.is_empty(), failed.join("\n"));
    Ok(())
}

async fn one(config: &Config, job: Job, target: &Target) -> anyhow::Result<String> {
    Ok(match job {
        Job::Backup => {
            let manifest =
                config.backup(&target.reader, &BackupRequest::new("scheduled", "schedule")).await?;
            config.verify(&manifest.name, VerificationLevel::Archive).await?;
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
            .map(|(job, cron, next)| json!({ "job": job, "cron": cron, "next": next.map(output::moment) }))
            .collect();
        output::json(&jobs)?;
    } else {
        for (job, cron, next) in jobs {
            let next = next.map_or_else(|| "never".to_owned(), output::moment);
            output::line(&format!("{:<8} {cron:<14} next: {next}", job.name()));
        }
    }
    Ok(true)
}
