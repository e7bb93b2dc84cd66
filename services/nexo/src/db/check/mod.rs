//! `nexo db check`: consistency checks of the database.

mod rules;

use clap::Args;
use migrate::diff;
use serde::Serialize;
use sqlx::{Connection as _, PgConnection};

use super::{Context, temp_server::TempServer};
use crate::output;

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Skip the comparison of the catalogue, which needs a temporary server.
    #[arg(long)]
    no_drift: bool,
}

/// An inconsistency found by a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// Name of the violated rule.
    rule: &'static str,
    /// Database object concerned.
    object: String,
    /// Number of rows concerned, if rows are counted.
    count: i64,
    /// True for an error, false for a warning.
    wrong: bool,
}

impl Check {
    pub(super) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let target = context.target().await?;
        let done = async {
            let mut conn = PgConnection::connect_with(&target.reader).await?;
            let mut found = rules::all(&mut conn).await?;
            conn.close().await?;
            if !self.no_drift {
                let scratch = TempServer::like(&target.migrator, &context.env).await?;
                let drift = diff(&target.migrator, &context.migrations()?, &scratch.migrator).await?;
                let drift = drift.differences.into_iter();
                found.extend(drift.map(|difference| Finding::wrong("drift", difference.to_string(), 1)));
            }
            let breaches = ::db::verify_isolation(&target.migrator).await?;
            found.extend(
                breaches.into_iter().map(|breach| Finding::wrong("isolation", breach.to_string(), 1)),
            );
            Ok::<_, anyhow::Error>(found)
        };
        let found = done.await;
        target.leave().await?;
        let found = found?;
        if context.json {
            output::json(&found)?;
        } else {
            for Finding { rule, object, count, wrong } in &found {
                let weight = if *wrong { "wrong" } else { "look" };
                output::line(&format!("{weight:<6} {rule}: {object} ({count})"));
            }
            output::line(&format!("{} rules, {} findings", rules::COUNT + 2, found.len()));
        }
        Ok(!found.iter().any(|finding| finding.wrong))
    }
}

impl Finding {
    fn wrong(rule: &'static str, object: String, count: i64) -> Self {
        Self { rule, object, count, wrong: true }
    }
}
