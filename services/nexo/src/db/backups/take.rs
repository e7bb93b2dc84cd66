use ::backup::{Order, Origin};
use clap::Args;
use serde_json::json;

use super::{super::Context, size};
use crate::say;

#[derive(Debug, Args)]
pub(in crate::db) struct Backup {
    /// What it is for: part of its name. One that is named is kept until `nexo db pin NAME --off`.
    label: Option<String>,
    /// Let retention remove it although it is named: for scripts.
    #[arg(long, requires = "label", conflicts_with = "pin")]
    expires: bool,
    /// Never remove it, for this reason.
    #[arg(long, value_name = "REASON")]
    pin: Option<String>,
}

impl Backup {
    pub(in crate::db) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let config = context.backups()?;
        let target = context.target().await?;
        let origin = if self.label.is_some() { Origin::Named } else { Origin::Manual };
        let label = self.label.as_deref().unwrap_or("manual");
        let order = Order {
            origin,
            pinned: self.pin,
            released: self.expires,
            ..Order::new(label, &Context::actor())
        };
        let made = config.backup(&target.reader, &order).await;
        target.leave().await?;
        let stored = made?;
        let manifest = &stored.manifest;
        if context.json {
            say::json(&json!({ "backup": manifest, "unsent": stored.unsent }))?;
        } else {
            let (tables, rows, size) = (manifest.tables.len(), manifest.rows(), size(manifest.archive.bytes));
            say::line(&format!(
                "{}: {tables} tables, {rows} rows, {size}, in {} ms",
                manifest.name, manifest.made.took_ms
            ));
            say::line(&format!("It is stored. To verify it: nexo db verify {} --restore", manifest.name));
        }
        for problem in &stored.unsent {
            say::problem(&format!("it is here alone: {problem}"));
        }
        Ok(stored.unsent.is_empty())
    }
}
