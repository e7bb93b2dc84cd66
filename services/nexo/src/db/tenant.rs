//! `nexo db tenant …`: one account's data.

use std::path::PathBuf;

use ::backup::{
    Beside, Config, Name,
    tenant::{self, Access, Applied, Content, Operator},
};
use clap::{Args, Subcommand};
use kernel::Clock;
use serde_json::json;
use time::OffsetDateTime;

use super::{
    Context, Target,
    backups::up_to_date,
    precaution::{Consent, recovery},
};
use crate::{
    confirm::{AccessNotConfirmed, Card, Risk, agrees},
    say,
};

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
    /// Replace the file, if it is there.
    #[arg(long)]
    overwrite: bool,
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
    /// Only show it, as JSON, with what each row holds now and held then.
    #[arg(long, conflicts_with = "diff")]
    preview: bool,
    /// Agree that members, roles and invitations come back as well: asked for apart, where there are any.
    #[arg(long)]
    with_access: bool,
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
        let done = tenant::export(&target.reader, &self.account, &path, self.overwrite, now).await;
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
        let exclusive = target.alone("nexo db tenant restore").await?;
        let name = config.bring(&self.from).await?;
        let beside = Box::pin(config.restore_beside_in(exclusive, &name, None)).await?;
        let done = Box::pin(self.work(&config, &target, &beside, &name)).await;
        beside.discard().await?;
        target.leave().await?;
        self.show(context, &name, done?)
    }

    async fn work(
        &self,
        config: &Config,
        target: &Target,
        beside: &Beside,
        name: &Name,
    ) -> anyhow::Result<Applied> {
        up_to_date(&beside.options).await?;
        let found = beside.differences(&target.migrator, &self.account).await?;
        if self.looks_only() || found.changes.is_empty() {
            return Ok(found);
        }
        let by = Operator { name: Context::actor(), backup: name.to_string() };
        let work = async {
            anyhow::ensure!(self.lets_in(&found.access), AccessNotConfirmed);
            self.consent.precaution.take(config, target, "before-tenant-restore").await?;
            Ok(Box::pin(beside.apply(&target.migrator, &self.account, &found, &by)).await?)
        };
        let card = self.card(config, name, &found)?;
        Box::pin(card.confirm(&target.asked(self.consent.given()), work)).await
    }

    fn card(&self, config: &Config, name: &Name, found: &Applied) -> anyhow::Result<Card> {
        let mut at_risk: Vec<String> = found.changes.iter().map(ToString::to_string).collect();
        at_risk.extend(found.access.lines());
        Ok(Card {
            operation: format!("bring account {} back to {name}", self.account),
            risk: Risk::High
                .because("what the account wrote since then is replaced; its people log in again"),
            at_risk,
            backup: self.consent.told(),
            recovery: recovery(config)?,
            undo: format!("nexo db tenant restore {} --from the backup that is taken first", self.account),
        })
    }

    fn looks_only(&self) -> bool {
        self.diff || self.preview
    }

    /// Access is a decision of its own: somebody may have been removed for a reason.
    fn lets_in(&self, access: &Access) -> bool {
        const QUESTION: &str =
            "Access comes back, as the card says. Type yes if these people are to have it: ";
        access.is_empty() || self.with_access || (self.consent.given().is_none() && agrees(QUESTION, "yes"))
    }

    fn show(&self, context: &Context, name: &Name, mut found: Applied) -> anyhow::Result<bool> {
        if self.preview {
            say::json(&json!({ "account": self.account, "backup": name, "preview": found }))?;
            return Ok(true);
        }
        found.changes.iter_mut().for_each(|change| change.rows.clear());
        if context.json {
            say::json(&found)?;
            return Ok(true);
        }
        found.changes.iter().for_each(|change| say::line(&change.to_string()));
        found.access.lines().iter().for_each(|line| say::line(line));
        if found.left_alone > 0 {
            say::line(&format!("{} rows were written meanwhile, and stay as they are", found.left_alone));
        }
        say::line(match (self.diff, found.changes.is_empty()) {
            (_, true) => "the account is as it was in the backup",
            (true, _) => "nothing was changed",
            _ => "done",
        });
        Ok(true)
    }
}
