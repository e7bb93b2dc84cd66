use ::backup::{BackupState, CopyTarget, ListedBackup};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{super::Context, size};
use crate::output;

#[derive(Debug, Args)]
pub(in crate::db) struct Backups {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Move a backup to another store: copy it, verify the copy, and remove the original.
    Move(PinChange),
}

#[derive(Debug, Args)]
struct PinChange {
    /// Name of the backup to move.
    name: String,
    /// Target store: a folder, or `s3://bucket/prefix`.
    #[arg(long, value_name = "STORE")]
    to: String,
}

impl Backups {
    pub(in crate::db) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        match self.verb {
            None => list(context).await,
            Some(Verb::Move(what)) => what.run(context).await,
        }
    }
}

impl PinChange {
    async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let store = CopyTarget::read(&self.to, &mut context.env);
        let config = context.backups()?;
        let store = store.context("it cannot be used")?;
        let name = config.find(&self.name)?;
        config.move_to(&name, &store).await?;
        if context.json {
            output::json(&json!({ "name": name, "store": self.to }))?;
        } else {
            output::line(&format!(
                "{name} is in {}, compared, and no longer in {}",
                self.to,
                config.folder().display()
            ));
            output::line("To use it there: add that store to NEXO_BACKUP_STORES, or name it alone");
        }
        Ok(true)
    }
}

async fn list(context: &mut Context) -> anyhow::Result<bool> {
    let config = context.backups()?;
    let entries = config.backups_everywhere().await?;
    if context.json {
        output::json(&entries)?;
        return Ok(true);
    }
    for entry in &entries {
        line(entry);
    }
    if entries.is_empty() {
        output::line(&format!("no backup in {}", config.folder().display()));
    }
    Ok(true)
}

fn line(entry: &ListedBackup) {
    let passed =
        entry.status.verified.as_ref().map_or_else(String::new, |passed| passed.at.date().to_string());
    let state = match entry.standing {
        BackupState::Stored => "stored: not verified yet".to_owned(),
        BackupState::Read => format!("read {passed}: to its end, and not restored yet"),
        BackupState::Verified => format!("verified {passed}: restored and compared"),
        BackupState::Failed => format!("FAILED: {}", entry.failure.as_deref().unwrap_or_default()),
        BackupState::Away => format!("in {} alone", entry.places.join(", ")),
    };
    let pinned = entry.status.pinned.as_ref().map(|why| format!(", pinned: {why}")).unwrap_or_default();
    let held = entry.manifest.as_ref().map_or_else(String::new, |manifest| {
        let (tables, rows) = (manifest.tables.len(), manifest.rows());
        let schema = manifest.schema_version.as_deref().unwrap_or("no schema");
        format!("{:>10} {tables:>4} tables {rows:>10} rows  {schema}  ", size(manifest.archive.bytes))
    });
    output::line(&format!("{:<44} {held}{state}{pinned}", entry.name.as_str()));
}
