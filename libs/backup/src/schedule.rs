//! What is due when: cron expressions, one leader, and one run after however long a downtime.

use std::str::FromStr as _;

use chrono::{DateTime, Utc};
use croner::Cron;
use kernel::Env;
use serde::Serialize;
use sqlx::{PgConnection, types::time::OffsetDateTime};

use crate::Error;

/// What is scheduled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Take a backup, and read it to its end.
    Backup,
    /// Restore the newest one, and measure.
    Drill,
    /// Remove what retention lets go.
    Prune,
}

impl Job {
    /// As in `ops.schedule`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Drill => "drill",
            Self::Prune => "prune",
        }
    }
}

/// The cron expressions, in UTC.
#[derive(Debug, Clone)]
pub struct Plan(Vec<(Job, Cron)>);

const SETTINGS: [(Job, &str, &str); 3] = [
    (Job::Backup, "NEXO_SCHEDULE_BACKUP", "0 2 * * *"),
    (Job::Prune, "NEXO_SCHEDULE_PRUNE", "0 3 * * *"),
    (Job::Drill, "NEXO_SCHEDULE_DRILL", "0 4 * * 0"),
];

impl Plan {
    /// Reads `NEXO_SCHEDULE_BACKUP`, `NEXO_SCHEDULE_PRUNE` and `NEXO_SCHEDULE_DRILL`; `off` leaves one out.
    pub fn read(env: &mut Env) -> Self {
        let mut plan = Vec::new();
        for (job, name, default) in SETTINGS {
            let text = env.or(name, default);
            if text == "off" {
                continue;
            }
            match Cron::from_str(&text) {
                Ok(cron) => plan.push((job, cron)),
                Err(wrong) => env.mistake(name, format!("is no cron expression: {wrong}")),
            }
        }
        Self(plan)
    }

    /// Each job and its expression.
    pub fn jobs(&self) -> impl Iterator<Item = (Job, String)> + '_ {
        self.0.iter().map(|(job, cron)| (*job, cron.pattern.to_string()))
    }

    /// When a job is to run next.
    pub fn next(&self, job: Job, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let (_, cron) = self.0.iter().find(|(known, _)| *known == job)?;
        let next = cron.find_next_occurrence(&chrono_of(now)?, false).ok()?;
        OffsetDateTime::from_unix_timestamp(next.timestamp()).ok()
    }
}

fn chrono_of(moment: OffsetDateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(moment.unix_timestamp(), 0)
}

/// Claims what is due: each run is claimed by one process alone, and after a downtime each job once. A job that is seen
/// for the first time is due at its next moment.
pub async fn due(conn: &mut PgConnection, plan: &Plan, now: OffsetDateTime) -> Result<Vec<Job>, Error> {
    let mut claimed = Vec::new();
    for (job, _) in &plan.0 {
        let Some(next) = plan.next(*job, now) else { continue };
        sqlx::query("insert into ops.schedule (job, next_at) values ($1, $2) on conflict do nothing")
            .bind(job.name())
            .bind(next)
            .execute(&mut *conn)
            .await?;
        // The row decides between two schedulers. A moment later than the plan's next is one of an earlier plan.
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
