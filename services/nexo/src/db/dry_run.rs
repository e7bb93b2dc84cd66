use migrate::{DryRun, RunOptions, StatementEffect, TableSize, dry_run};

use super::{Context, temp_server::TempServer};
use crate::output;

pub(super) async fn run(context: &mut Context, settings: &RunOptions) -> anyhow::Result<bool> {
    let migrations = context.migrations()?;
    let target = context.target().await?;
    let done = async {
        let scratch = TempServer::like(&target.migrator, &context.env).await?;
        Ok::<_, anyhow::Error>(dry_run(&target.migrator, &migrations, &scratch.migrator, settings).await?)
    };
    let done = done.await;
    target.leave().await?;
    let files = done?;
    if context.json {
        output::json(&files)?;
    } else {
        show(&files);
    }
    Ok(true)
}

fn show(files: &[DryRun]) {
    for file in files {
        let how = if file.without_transaction { "statement by statement" } else { "in one transaction" };
        output::line(&format!("{} ({how})", file.file));
        for step in &file.statements {
            statement(step);
        }
        if file.tried_back {
            output::line("  its down file takes it back, and it can be applied again");
        }
    }
    match files.len() {
        0 => output::line("nothing is pending"),
        count => output::line(&format!("{count} pending; nothing was applied")),
    }
}

fn statement(step: &StatementEffect) {
    let text: String = step.text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(90).collect();
    output::line(&format!("  line {}: {text}", step.line));
    for lock in &step.trace.locks {
        output::line(&format!("    {lock}{}", size(&step.sizes, &lock.table)));
    }
    for table in &step.trace.rewrites {
        output::line(&format!("    REWRITES {table}{}", size(&step.sizes, table)));
    }
    for table in &step.trace.scans {
        output::line(&format!("    reads all of {table}{}", size(&step.sizes, table)));
    }
    if let Some(why) = step.trace.untraced {
        output::line(&format!("    not traced: {why}"));
    }
}

fn size(sizes: &[TableSize], table: &str) -> String {
    let Some(size) = sizes.iter().find(|size| size.table == table) else { return String::new() };
    let rows =
        size.rows.map_or_else(|| "rows not counted yet".to_owned(), |rows| format!("about {rows} rows"));
    format!(" ({rows}, {} kB)", size.bytes / 1024)
}
