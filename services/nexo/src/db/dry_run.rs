use migrate::{Rehearsed, Settings, Size, Step, rehearse};

use super::{Context, scratch::Scratch};
use crate::say;

pub(super) async fn run(context: &mut Context, settings: &Settings) -> anyhow::Result<bool> {
    let migrations = context.migrations()?;
    let target = context.target().await?;
    let done = async {
        let scratch = Scratch::like(&target.migrator, &context.env).await?;
        Ok::<_, anyhow::Error>(rehearse(&target.migrator, &migrations, &scratch.migrator, settings).await?)
    };
    let done = done.await;
    target.leave().await?;
    let files = done?;
    if context.json {
        say::json(&files)?;
    } else {
        show(&files);
    }
    Ok(true)
}

fn show(files: &[Rehearsed]) {
    for file in files {
        let how = if file.without_transaction { "statement by statement" } else { "in one transaction" };
        say::line(&format!("{} ({how})", file.file));
        for step in &file.statements {
            statement(step);
        }
        if file.tried_back {
            say::line("  its down file takes it back, and it can be applied again");
        }
    }
    match files.len() {
        0 => say::line("nothing is pending"),
        count => say::line(&format!("{count} pending; nothing was applied")),
    }
}

fn statement(step: &Step) {
    let text: String = step.text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(90).collect();
    say::line(&format!("  line {}: {text}", step.line));
    for lock in &step.trace.locks {
        say::line(&format!("    {lock}{}", size(&step.sizes, &lock.table)));
    }
    for table in &step.trace.rewrites {
        say::line(&format!("    REWRITES {table}{}", size(&step.sizes, table)));
    }
    for table in &step.trace.scans {
        say::line(&format!("    reads all of {table}{}", size(&step.sizes, table)));
    }
    if let Some(why) = step.trace.untraced {
        say::line(&format!("    not traced: {why}"));
    }
}

fn size(sizes: &[Size], table: &str) -> String {
    let Some(size) = sizes.iter().find(|size| size.table == table) else { return String::new() };
    let rows =
        size.rows.map_or_else(|| "rows not counted yet".to_owned(), |rows| format!("about {rows} rows"));
    format!(" ({rows}, {} kB)", size.bytes / 1024)
}
