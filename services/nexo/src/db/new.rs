use std::{fs, io::Write as _, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use kernel::Clock;
use migrate::{Migrations, Version, down_template, template};
use serde_json::json;

use super::Context;
use crate::output;

#[derive(Debug, Args)]
pub(super) struct New {
    /// Name of the table, plural and in snake case: `suppliers`.
    name: String,
}

impl New {
    pub(super) fn run(self, context: &Context) -> anyhow::Result<bool> {
        let folder = context.folder.clone().unwrap_or_else(|| PathBuf::from("migrations"));
        let version = Version::at(Clock::system().unix_seconds());
        let (file, down) =
            (format!("{version}_{}.sql", self.name), format!("{version}_{}.down.sql", self.name));
        let (text, back) = (template(&self.name), down_template(&file, &self.name));
        Migrations::from_files(
            [(&file, &text), (&down, &back)].map(|(name, text)| (name.clone(), text.clone().into())),
        )?;
        let existing = Migrations::read(&folder).with_context(|| match context.folder {
            None => "run it where the folder migrations/ is, or give --migrations FOLDER".to_owned(),
            Some(_) => "no file was made".to_owned(),
        })?;
        if let Some(latest) = existing.latest().filter(|latest| **latest >= version) {
            anyhow::bail!("{} has a migration {latest}, which is not older: wait a minute", folder.display());
        }
        let (path, down) = (folder.join(file), folder.join(down));
        for (path, text) in [(&path, text), (&down, back)] {
            let made = fs::File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
            made.with_context(|| path.display().to_string())?;
        }
        if context.json {
            output::json(&json!({ "file": path, "down_file": down, "version": version }))?;
        } else {
            output::line(&format!(
                "{}\n{}\nFill in the first; the second takes it back. Then look at both with `nexo db lint {0}`",
                path.display(),
                down.display()
            ));
        }
        Ok(true)
    }
}
