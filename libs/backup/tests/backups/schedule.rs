//! Due jobs, and the process that runs them.

use backup::{Job, Plan, due};
use kernel::Env;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions, types::time::OffsetDateTime};
use time::macros::datetime;

use crate::support::Ground;

fn plan() -> Plan {
    let settings = [
        ("NEXO_SCHEDULE_BACKUP", "0 2 * * *"),
        ("NEXO_SCHEDULE_PRUNE", "off"),
        ("NEXO_SCHEDULE_DRILL", "off"),
    ];
    Plan::read(&mut Env::from_values(settings.map(|(name, value)| (name.to_owned(), value.to_owned()))))
}

async fn at(migrator: &PgConnectOptions, now: OffsetDateTime) -> Vec<Job> {
    let mut conn = PgConnection::connect_with(migrator).await.unwrap();
    due(&mut conn, &plan(), now).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_schedulers_one_runs_a_job_and_once_after_a_downtime() {
    let ground = Ground::of(testkit::Database::migrated().await);
    let migrator = ground.migrator();
    assert_eq!(at(&migrator, datetime!(2026-01-01 12:00 UTC)).await, [], "its first moment is to come");
    assert_eq!(at(&migrator, datetime!(2026-01-02 01:59 UTC)).await, []);
    // Ten days later, eight schedulers at once.
    let late = datetime!(2026-01-12 07:00 UTC);
    let mut schedulers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let migrator = migrator.clone();
        schedulers.spawn(async move { at(&migrator, late).await });
    }
    let runs: Vec<Job> = schedulers.join_all().await.into_iter().flatten().collect();
    assert_eq!(runs, [Job::Backup], "caught up once, by one");
    assert_eq!(at(&migrator, datetime!(2026-01-13 01:59 UTC)).await, []);
    assert_eq!(at(&migrator, datetime!(2026-01-13 02:00 UTC)).await, [Job::Backup]);
    assert_eq!(at(&migrator, datetime!(2026-01-13 02:00 UTC)).await, []);
}

#[test]
fn an_invalid_cron_expression_is_reported_with_its_setting() {
    let mut env = Env::from_values([("NEXO_SCHEDULE_DRILL".to_owned(), "every day".to_owned())]);
    Plan::read(&mut env);
    assert!(env.finish().unwrap_err().to_string().contains("NEXO_SCHEDULE_DRILL"));
}
