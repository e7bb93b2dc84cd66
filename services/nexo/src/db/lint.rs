use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use migrate::{
    CatalogObject, DryRun, Error, FailedStatement, Lock, Migration, Migrations, ScratchDatabase, Script,
};
use migration_lint::{Finding, RULES, check, settle};
use serde_json::json;

use super::{Context, temp_server::TempServer};
use crate::output;

#[derive(Debug, Args)]
pub(super) struct Lint {
    /// Files to check as if they followed the migrations before them; by default all migrations.
    files: Vec<PathBuf>,
    /// Static analysis only: do not try the files on a temporary server.
    #[arg(long = "static")]
    unrehearsed: bool,
    /// List the rules and their meanings.
    #[arg(long)]
    rules: bool,
}

impl Lint {
    pub(super) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        if self.rules {
            return rules(context.json);
        }
        let (migrations, chosen) = self.collect(context)?;
        let mut found = check(&migrations);
        if !self.unrehearsed {
            let scratch = TempServer::any(&context.env).await?;
            found.extend(rehearse(&scratch, &migrations, &chosen).await?);
        }
        let found = report(&migrations, &chosen, found, !self.unrehearsed);
        if context.json {
            output::json(&found)?;
        } else {
            for finding in &found {
                output::line(&finding.to_string());
            }
            let count = chosen.iter().filter(|file| !file.ends_with(".down.sql")).count();
            output::line(&format!("{count} migrations, {} findings", found.len()));
        }
        Ok(found.is_empty())
    }

    /// All migrations to load, and the names of the files to report on.
    fn collect(&self, context: &Context) -> anyhow::Result<(Migrations, BTreeSet<String>)> {
        let known = context.migrations()?;
        if self.files.is_empty() {
            let all = known.iter().map(|migration| migration.file().to_owned()).collect();
            return Ok((known, all));
        }
        let mut chosen = Vec::new();
        for path in &self.files {
            chosen.push(named(path)?);
            let down = path.with_extension("down.sql");
            if down.exists() && !self.files.contains(&down) {
                chosen.push(named(&down)?);
            }
        }
        let names: BTreeSet<String> = chosen.iter().map(|(name, _)| name.clone()).collect();
        let before = known.iter().filter(|migration| !names.contains(migration.file()));
        let before =
            before.map(|migration| (migration.file().to_owned(), migration.up.text.clone().into_bytes()));
        Ok((Migrations::from_files(before.chain(chosen))?, names))
    }
}

/// Reads a file; returns its base name and content.
fn named(path: &Path) -> anyhow::Result<(String, Vec<u8>)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, std::fs::read(path).with_context(|| path.display().to_string())?))
}

fn rules(json: bool) -> anyhow::Result<bool> {
    if json {
        let list: Vec<_> =
            RULES.iter().map(|rule| json!({ "rule": rule.name, "meaning": rule.meaning })).collect();
        output::json(&list)?;
    } else {
        for rule in RULES {
            output::line(&format!("{:<46} {}", rule.name, rule.meaning));
        }
    }
    Ok(true)
}

/// Findings that are not allowed, for the chosen files.
pub(super) fn report(
    migrations: &Migrations,
    chosen: &BTreeSet<String>,
    found: Vec<Finding>,
    tried: bool,
) -> Vec<Finding> {
    let found = found.into_iter().filter(|finding| is_chosen(chosen, &finding.file)).collect();
    let scripts = migrations.iter().filter(|migration| is_chosen(chosen, migration.file()));
    settle(
        scripts.flat_map(|migration| [Some(&migration.up), migration.down.as_ref()]).flatten(),
        found,
        tried,
    )
}

/// True if the file, or its up or down counterpart, is chosen.
fn is_chosen(chosen: &BTreeSet<String>, file: &str) -> bool {
    let up = file.replace(".down.sql", ".sql");
    chosen.contains(&up) || chosen.contains(&up.replace(".sql", ".down.sql"))
}

/// Applies every file on a temporary server. Reports what the server rejects, what each statement locks and scans,
/// breaches of isolation, and incomplete down files.
pub(super) async fn rehearse(
    scratch: &TempServer,
    migrations: &Migrations,
    chosen: &BTreeSet<String>,
) -> anyhow::Result<Vec<Finding>> {
    let mut stage = ScratchDatabase::open(&scratch.migrator, &Migrations::from_files([])?).await?;
    let (mut found, mut known) = (Vec::new(), BTreeSet::new());
    for migration in migrations.iter() {
        let tried_back = migration.down.is_some() && is_chosen(chosen, migration.file());
        let before = if tried_back { Some(stage.catalogue().await?) } else { None };
        match stage.perform(&migration.version, &migration.up).await {
            Ok(traced) => {
                found.extend(heavy(migration, &traced));
                if let Some(before) = before {
                    found.extend(back_and_again(&mut stage, migration, &before).await?);
                }
            }
            Err(refused) => found.push(refusal(&migration.up, refused)?),
        }
        let breaches: BTreeSet<String> = breaches(scratch, chosen, migration, &mut stage).await?;
        for breach in breaches.difference(&known) {
            found.push(Finding::about(&migration.up, 0, "breaks-isolation", breach));
        }
        known.extend(breaches);
    }
    stage.close().await?;
    Ok(found)
}

/// Applies a down file and the migration again.
async fn back_and_again(
    stage: &mut ScratchDatabase,
    migration: &Migration,
    before: &[CatalogObject],
) -> anyhow::Result<Option<Finding>> {
    let script = migration.down.as_ref().unwrap_or(&migration.up);
    match stage.back_and_again(migration, before).await {
        Ok(()) => Ok(None),
        Err(Error::NotReversed { problem, differences, .. }) => {
            let lines: Vec<_> = differences.iter().map(ToString::to_string).collect();
            let message = format!("{problem}: {}", lines.join("; "));
            Ok(Some(Finding::about(script, 0, "not-reversed", message)))
        }
        Err(refused) => Ok(Some(refusal(script, refused)?)),
    }
}

/// Reports a statement that the server rejected; other failures do not concern the file.
fn refusal(script: &Script, refused: Error) -> Result<Finding, Error> {
    let Error::Statement(FailedStatement { statement, refusal, .. }) = refused else { return Err(refused) };
    let message = refusal
        .as_database_error()
        .map_or_else(|| refusal.to_string(), |refusal| refusal.message().to_owned());
    Ok(Finding::about(script, statement - 1, "does-not-run", message))
}

/// Breaches of isolation; empty for files that are not chosen, and before the registry of tables exists.
async fn breaches(
    scratch: &TempServer,
    chosen: &BTreeSet<String>,
    migration: &Migration,
    stage: &mut ScratchDatabase,
) -> anyhow::Result<BTreeSet<String>> {
    let (registered,): (bool,) = sqlx::query_as("select to_regclass('ops.table_kinds') is not null")
        .fetch_one(stage.connection())
        .await?;
    if !registered || !is_chosen(chosen, migration.file()) {
        return Ok(BTreeSet::new());
    }
    match ::db::verify_isolation(&scratch.migrator).await {
        Ok(breaches) => Ok(breaches.iter().map(ToString::to_string).collect()),
        Err(refused @ sqlx::Error::Database(_)) => {
            Ok(BTreeSet::from([format!("it cannot be checked: {refused}")]))
        }
        Err(other) => Err(other.into()),
    }
}

/// Tables that are rewritten, or scanned while writes to them are blocked.
fn heavy(migration: &Migration, traced: &DryRun) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut held: Vec<&Lock> = Vec::new();
    for (at, step) in traced.statements.iter().enumerate() {
        if traced.without_transaction {
            held.clear();
        }
        held.extend(&step.trace.locks);
        for table in &step.trace.rewrites {
            let message = format!("{table} is rewritten; it cannot be read meanwhile");
            found.push(Finding::about(&migration.up, at, "rewrites-table", message));
        }
        for table in step.trace.scans.iter().filter(|table| !step.trace.rewrites.contains(table)) {
            if let Some(lock) = held.iter().find(|lock| lock.table == *table && lock.keeps_writers_out()) {
                let message = format!("{table} is read from end to end under a lock that {}", lock.blocks());
                found.push(Finding::about(&migration.up, at, "scans-under-lock", message));
            }
        }
    }
    found
}
