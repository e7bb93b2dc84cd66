//! `nexo db tenant …`: one account's data.

use std::path::PathBuf;

use ::backup::tenant::{self, Content};
use clap::{Args, Subcommand};
use kernel::Clock;
use time::OffsetDateTime;

use super::{
    Context,
    precaution::{Consent, recovery},
};
use crate::{confirm::Card, say};

/// Export, import and restore one account.
#[derive(Debug, Subcommand)]
pub(super) enum Tenant {
    /// Write one account's rows, as they are in one moment, to a file that another NEXO can take in.
    Export(Export),
    /// Take such a file in as a new account, with new ids.
    Import(Import),
    /// Bring one account back to what it was in a backup; no other account's row is touched.
    Restore(Restore),
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// The account: its slug or its id.
    account: String,
    /// The file; otherwise `SLUG.nexo.tar.zst` here.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file of an account.
    file: PathBuf,
    /// Do all of it, and take it back.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The account: its slug or its id.
    account: String,
    /// The backup: a name, or `latest`.
    #[arg(long, value_name = "BACKUP")]
    from: String,
    /// Only show which rows would come back, change and go.
    #[arg(long)]
    diff: bool,
    #[command(flatten)]
    consent: Consent,
}

impl Tenant {
    pub(super) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        match self {
            Self::Export(what) => what.run(context).await,
            Self::Import(what) => what.run(context).await,
            Self::Restore(what) => what.run(context).await,
        }
    }
}

impl Export {
    async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let target = context.target().await?;
        let path = self.to.unwrap_or_else(|| PathBuf::from(format!("{}.nexo.tar.zst", self.account)));
        let now = OffsetDateTime::from_unix_timestamp(Clock::system().unix_seconds())?;
        let done = tenant::export(&target.reader, &self.account, &path, now).await;
        target.leave().await?;
        let about = done?;
        if context.json {
            say::json(&about)?;
        } else {
            for table in about.tables.iter().filter(|table| table.rows > 0) {
                say::line(&format!("{:<24} {:>9} rows", table.name, table.rows));
            }
            say::line(&format!("{} is in {}", about.name, path.display()));
        }
        Ok(true)
    }
}

impl Import {
    async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let content = Content::open(&self.file)?;
        let target = context.target().await?;
        let done = tenant::import(&target.migrator, &content, self.dry_run).await;
        target.leave().await?;
        let imported = done?;
        if context.json {
            say::json(&imported)?;
        } else {
            let (rows, known, new) = (imported.rows, imported.known_people, imported.new_people);
            let would = if self.dry_run { "would be" } else { "is" };
            say::line(&format!(
                "{} {would} account {} ({}): {rows} rows",
                content.about.name, imported.slug, imported.account_id
            ));
            say::line(&format!("people: {known} were here already, {new} are new and have no password yet"));
        }
        Ok(true)
    }
}

impl Restore {
    async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let config = context.backups()?;
        let target = context.target().await?;
        let name = config.bring(&self.from).await?;
        let beside = config.restore_beside(&name, &target.migrator, None).await?;
        let done = async {
            let found = beside.differences(&target.migrator, &self.account).await?;
            if self.diff || found.changes.is_empty() {
                return Ok(found);
            }
            let card = Card {
                operation: format!("bring account {} back to {name}", self.account),
                risk: "what the account wrote since then is replaced; its people log in again".to_owned(),
                at_risk: found.changes.iter().map(ToString::to_string).collect(),
                backup: self.consent.told(),
                recovery: recovery(&config)?,
                undo: format!(
                    "nexo db tenant restore {} --from the backup that is taken first",
                    self.account
                ),
            };
            let work = async {
                self.consent.precaution.take(&config, &target, "before-tenant-restore").await?;
                Ok(Box::pin(beside.apply(&target.migrator, &self.account)).await?)
            };
            card.confirm(&target.asked(self.consent.given()), work).await
        };
        let done: anyhow::Result<_> = done.await;
        beside.discard().await?;
        target.leave().await?;
        let found = done?;
        if context.json {
            say::json(&found)?;
        } else {
            for change in &found.changes {
                say::line(&change.to_string());
            }
            let what = match (self.diff, found.changes.is_empty()) {
                (_, true) => "the account is as it was in the backup",
                (true, _) => "nothing was changed",
                _ => "done",
            };
            say::line(what);
        }
        Ok(true)
    }
}
