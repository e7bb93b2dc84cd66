use std::{fs, io::Write as _, path::PathBuf};

use clap::Args;
use kernel::Clock;
use migrate::{Migrations, Version, template};
use serde_json::json;

use super::Context;
use crate::say;

#[derive(Debug, Args)]
pub(super) struct New {
    /// The table, plural and in snake case: `suppliers`.
    name: String,
}

impl New {
    pub(super) fn run(self, context: &Context) -> anyhow::Result<bool> {
        let folder = context.folder.clone().unwrap_or_else(|| PathBuf::from("migrations"));
        let version = Version::at(Clock::system().unix_seconds());
        let file = format!("{version}_{}.sql", self.name);
        let text = template(&self.name);
        Migrations::of([(file.clone(), text.clone().into_bytes())])?;
        let existing = Migrations::read(&folder)?;
        if let Some(latest) = existing.latest().filter(|latest| **latest >= version) {
            anyhow::bail!("{} has a migration {latest}, which is not older: wait a minute", folder.display());
        }
        let path = folder.join(file);
        fs::File::create_new(&path)?.write_all(text.as_bytes())?;
        if context.json {
            say::json(&json!({ "file": path, "version": version }))?;
        } else {
            say::line(&format!("{}\nFill it in, then look at it with `nexo db lint {0}`", path.display()));
        }
        Ok(true)
    }
}
