use ::backup::{BackupRequest, Origin};
use clap::Args;
use serde_json::json;

use super::{super::Context, size};
use crate::{operator_log, output};

#[derive(Debug, Args)]
pub(in crate::db) struct Backup {
    /// Purpose of the backup: part of its name. A labelled backup is kept until `nexo db pin NAME --off`.
    label: Option<String>,
    /// Let retention remove it although it has a label: for scripts.
    #[arg(long, requires = "label", conflicts_with = "pin")]
    expires: bool,
    /// Exclude it from retention, for this reason.
    #[arg(long, value_name = "REASON")]
    pin: Option<String>,
}

impl Backup {
    pub(in crate::db) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let config = context.backups()?;
        let target = context.target().await?;
        let origin = if self.label.is_some() { Origin::Named } else { Origin::Manual };
        let label = self.label.as_deref().unwrap_or("manual");
        let order = BackupRequest {
            origin,
            pinned: self.pin,
            released: self.expires,
            ..BackupRequest::new(label, &operator_log::actor())
        };
        let work = async { Ok(config.backup(&target.reader, &order).await?) };
        let made = target.record(&format!("take a backup: {label}"), work).await;
        target.leave().await?;
        let stored = made?;
        let manifest = &stored.manifest;
        if context.json {
            output::json(&json!({ "backup": manifest, "unsent": stored.unsent }))?;
        } else {
            let (tables, rows, size) = (manifest.tables.len(), manifest.rows(), size(manifest.archive.bytes));
            output::line(&format!(
                "{}: {tables} tables, {rows} rows, {size}, in {} ms",
                manifest.name, manifest.made.took_ms
            ));
            output::line(&format!("It is stored. To verify it: nexo db verify {} --restore", manifest.name));
        }
        for problem in &stored.unsent {
            output::problem(&format!("it is here alone: {problem}"));
        }
        Ok(stored.unsent.is_empty())
    }
}
