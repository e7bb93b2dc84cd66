//! `nexo db check`: whether what is in the database fits together.

mod rules;

use clap::Args;
use migrate::diff;
use serde::Serialize;
use sqlx::{Connection as _, PgConnection};

use super::{Context, scratch::Scratch};
use crate::say;

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Leave out the comparison of the catalogue, which needs a throw-away server.
    #[arg(long)]
    no_drift: bool,
}

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What is looked for.
    rule: &'static str,
    /// Where.
    object: String,
    /// How many rows, where rows are counted.
    count: i64,
    /// Whether it is wrong, or only worth a look.
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
                let scratch = Scratch::like(&target.migrator, &context.env).await?;
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
            say::json(&found)?;
        } else {
            for Finding { rule, object, count, wrong } in &found {
                let weight = if *wrong { "wrong" } else { "look" };
                say::line(&format!("{weight:<6} {rule}: {object} ({count})"));
            }
            say::line(&format!("{} rules, {} findings", rules::COUNT + 2, found.len()));
        }
        Ok(!found.iter().any(|finding| finding.wrong))
    }
}

impl Finding {
    fn wrong(rule: &'static str, object: String, count: i64) -> Self {
        Self { rule, object, count, wrong: true }
    }
}
