use ::backup::{Name, VerificationLevel};
use clap::Args;
use serde_json::json;

use super::super::Context;
use crate::output;

#[derive(Debug, Args)]
pub(in crate::db) struct Verify {
    /// Name of the backup, or `latest`.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    name: Option<String>,
    /// Verify all backups of the store.
    #[arg(long)]
    all: bool,
    /// Compare lengths and hashes only.
    #[arg(long, conflicts_with = "restore")]
    hashes: bool,
    /// Restore it on a temporary server, and compare every table, policy and grant.
    #[arg(long)]
    restore: bool,
}

impl Verify {
    pub(in crate::db) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let config = context.backups()?;
        let names: Vec<Name> = match &self.name {
            Some(name) => vec![config.bring_to_verify(name).await?],
            None => config.backups()?.into_iter().map(|entry| entry.name).collect(),
        };
        let level = match (self.hashes, self.restore) {
            (true, _) => VerificationLevel::Hashes,
            (_, true) => VerificationLevel::Restored,
            _ => VerificationLevel::Archive,
        };
        let (mut good, mut outcomes) = (true, Vec::new());
        for name in names {
            let outcome = match config.verify(&name, level).await {
                Ok(proof) => {
                    let compared = match level {
                        VerificationLevel::Hashes => "whole and ours".to_owned(),
                        VerificationLevel::Archive => "whole, and read to its end".to_owned(),
                        VerificationLevel::Restored => {
                            format!("restored: {} tables, {} rows are the same", proof.tables, proof.rows)
                        }
                    };
                    say_unless(context.json, &format!("{name}: {compared} ({} ms)", proof.took_ms));
                    json!({ "name": name, "ok": true, "proof": proof })
                }
                Err(failed) => {
                    good = false;
                    say_unless(context.json, &format!("{name}: FAILED: {failed}"));
                    json!({ "name": name, "ok": false, "error": failed.to_string() })
                }
            };
            outcomes.push(outcome);
        }
        if context.json {
            output::json(&outcomes)?;
        }
        Ok(good)
    }
}

fn say_unless(json: bool, text: &str) {
    if !json {
        output::line(text);
    }
}
