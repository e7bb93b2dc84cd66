use std::time::Duration;

use clap::Args;
use migrate::{BackfillLimits, backfill};

use super::Context;
use crate::output;

#[derive(Debug, Args)]
pub(super) struct Backfill {
    /// Rows per transaction, overriding the migration.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch: Option<u32>,
    /// Pause between two transactions, overriding the migration.
    #[arg(long, value_name = "TIME", value_parser = migrate::duration)]
    pause: Option<Duration>,
}

impl Backfill {
    pub(super) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let migrations = context.migrations()?;
        let target = context.target().await?;
        let pace = BackfillLimits { batch: self.batch, pause: self.pause };
        let work = async { Ok(backfill(&target.migrator, &migrations, &pace, &Context::settings()).await?) };
        let filled = target.record("run the backfills", work).await;
        target.leave().await?;
        let filled = filled?;
        if context.json {
            output::json(&filled)?;
            return Ok(true);
        }
        for one in &filled {
            output::line(&format!("{}: {} rows changed", one.version, one.changed));
        }
        if filled.is_empty() {
            output::line("no backfill is to be run");
        }
        Ok(true)
    }
}
