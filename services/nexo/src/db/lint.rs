use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use ::lint::{Finding, RULES, check, settle};
use anyhow::Context as _;
use clap::Args;
use migrate::{Error, Lock, Migration, Migrations, Rehearsed, Script, Stage, Thing};
use serde_json::json;

use super::{Context, scratch::Scratch};
use crate::say;

#[derive(Debug, Args)]
pub(super) struct Lint {
    /// These files, as they would come after the migrations before them; otherwise all migrations.
    files: Vec<PathBuf>,
    /// Read the files only: do not try them on a scratch server.
    #[arg(long = "static")]
    unrehearsed: bool,
    /// List the rules.
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
            let scratch = Scratch::any(&context.env).await?;
            found.extend(rehearse(&scratch, &migrations, &chosen).await?);
        }
        let found = report(&migrations, &chosen, found, !self.unrehearsed);
        if context.json {
            say::json(&found)?;
        } else {
            for finding in &found {
                say::line(&finding.to_string());
            }
            let count = chosen.iter().filter(|file| !file.ends_with(".down.sql")).count();
            say::line(&format!("{count} migrations, {} findings", found.len()));
        }
        Ok(found.is_empty())
    }

    /// All files to read, and the names of those to speak of.
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
        Ok((Migrations::of(before.chain(chosen))?, names))
    }
}

/// A file, and its name without its folder.
fn named(path: &Path) -> anyhow::Result<(String, Vec<u8>)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, std::fs::read(path).with_context(|| path.display().to_string())?))
}

fn rules(json: bool) -> anyhow::Result<bool> {
    if json {
        let list: Vec<_> =
            RULES.iter().map(|rule| json!({ "rule": rule.name, "meaning": rule.meaning })).collect();
        say::json(&list)?;
    } else {
        for rule in RULES {
            say::line(&format!("{:<46} {}", rule.name, rule.meaning));
        }
    }
    Ok(true)
}

/// What is not allowed, about the chosen files.
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

/// Whether a file, or the other of the pair that takes each other back, is spoken of.
fn is_chosen(chosen: &BTreeSet<String>, file: &str) -> bool {
    let up = file.replace(".down.sql", ".sql");
    chosen.contains(&up) || chosen.contains(&up.replace(".sql", ".down.sql"))
}

/// Every file on a scratch server: what the server refuses, what each statement locks and reads, whether accounts
/// are still kept apart, and whether its down file takes it back.
pub(super) async fn rehearse(
    scratch: &Scratch,
    migrations: &Migrations,
    chosen: &BTreeSet<String>,
) -> anyhow::Result<Vec<Finding>> {
    let mut stage = Stage::open(&scratch.migrator, &Migrations::of([])?).await?;
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

/// Tries a down file.
async fn back_and_again(
    stage: &mut Stage,
    migration: &Migration,
    before: &[Thing],
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

/// A statement that the server refused; other failures are not about the file.
fn refusal(script: &Script, refused: Error) -> Result<Finding, Error> {
    let Error::Statement { statement, refusal, .. } = refused else { return Err(refused) };
    let message = refusal
        .as_database_error()
        .map_or_else(|| refusal.to_string(), |refusal| refusal.message().to_owned());
    Ok(Finding::about(script, statement - 1, "does-not-run", message))
}

/// None for files that are not spoken of, and before there is a registry of tables.
async fn breaches(
    scratch: &Scratch,
    chosen: &BTreeSet<String>,
    migration: &Migration,
    stage: &mut Stage,
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

/// Tables that are written anew, or read from end to end while others cannot write them.
fn heavy(migration: &Migration, traced: &Rehearsed) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut held: Vec<&Lock> = Vec::new();
    for (at, step) in traced.statements.iter().enumerate() {
        if traced.without_transaction {
            held.clear();
        }
        held.extend(&step.trace.locks);
        for table in &step.trace.rewrites {
            let message = format!("{table} is written anew; nobody can read it meanwhile");
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
