//! Schedule of backup jobs: cron expressions, a single runner per job, and one run after any downtime.

use std::str::FromStr as _;

use chrono::{DateTime, Utc};
use croner::Cron;
use kernel::Env;
use serde::Serialize;
use sqlx::{PgConnection, types::time::OffsetDateTime};

use crate::Error;

/// A scheduled job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Take a backup, and read it completely.
    Backup,
    /// Restore the newest backup, and measure the recovery time.
    Drill,
    /// Remove the backups that retention does not keep.
    Prune,
}

impl Job {
    /// Name of the job in `ops.schedule`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Drill => "drill",
            Self::Prune => "prune",
        }
    }
}

/// Jobs with their cron expressions, in UTC.
#[derive(Debug, Clone)]
pub struct Plan(Vec<(Job, Cron)>);

const SETTINGS: [(Job, &str, &str); 3] = [
    (Job::Backup, "NEXO_SCHEDULE_BACKUP", "0 2 * * *"),
    (Job::Prune, "NEXO_SCHEDULE_PRUNE", "0 3 * * *"),
    (Job::Drill, "NEXO_SCHEDULE_DRILL", "0 4 * * 0"),
];

impl Plan {
    /// Reads `NEXO_SCHEDULE_BACKUP`, `NEXO_SCHEDULE_PRUNE` and `NEXO_SCHEDULE_DRILL`; `off` disables a job.
    pub fn read(env: &mut Env) -> Self {
        let mut plan = Vec::new();
        for (job, name, default) in SETTINGS {
            let text = env.string_or(name, default);
            if text == "off" {
                continue;
            }
            match Cron::from_str(&text) {
                Ok(cron) => plan.push((job, cron)),
                Err(wrong) => env.report(name, format!("is no cron expression: {wrong}")),
            }
        }
        Self(plan)
    }

    /// All jobs with their cron expressions.
    pub fn jobs(&self) -> impl Iterator<Item = (Job, String)> + '_ {
        self.0.iter().map(|(job, cron)| (*job, cron.pattern.to_string()))
    }

    /// Next time at which a job is due after `now`.
    pub fn next(&self, job: Job, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let (_, cron) = self.0.iter().find(|(known, _)| *known == job)?;
        let next = cron.find_next_occurrence(&chrono_of(now)?, false).ok()?;
        OffsetDateTime::from_unix_timestamp(next.timestamp()).ok()
    }
}

fn chrono_of(moment: OffsetDateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(moment.unix_timestamp(), 0)
}

/// Claims the jobs that are due. Each run is claimed by one process only, and after a downtime each job runs once.
/// A new job is due at its next scheduled time.
pub async fn due(conn: &mut PgConnection, plan: &Plan, now: OffsetDateTime) -> Result<Vec<Job>, Error> {
    let mut claimed = Vec::new();
    for (job, _) in &plan.0 {
        let Some(next) = plan.next(*job, now) else { continue };
        sqlx::query("insert into ops.schedule (job, next_at) values ($1, $2) on conflict do nothing")
            .bind(job.name())
            .bind(next)
            .execute(&mut *conn)
            .await?;
        // The row lock decides between concurrent schedulers. A time after the plan's next one comes from an
        // earlier plan.
        let claim = sqlx::query(
            "update ops.schedule set next_at = $2, started_at = $3 where job = $1 and next_at <= $3",
        );
        let won = claim.bind(job.name()).bind(next).bind(now).execute(&mut *conn).await?.rows_affected();
        sqlx::query("update ops.schedule set next_at = $2 where job = $1 and next_at > $2")
            .bind(job.name())
            .bind(next)
            .execute(&mut *conn)
            .await?;
        if won > 0 {
            claimed.push(*job);
        }
    }
    Ok(claimed)
}
