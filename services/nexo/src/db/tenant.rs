//! `nexo db tenant …`: export, import and restore of one account.

use std::path::PathBuf;

use ::backup::{
    Config, Name, ShadowDatabase,
    tenant::{self, OpenArchive, Operator, RestoredAccess, TenantRestore},
};
use clap::{Args, Subcommand};
use kernel::Clock;
use serde_json::json;
use time::OffsetDateTime;

use super::{
    Context, Target,
    backup_args::{ConfirmArgs, recovery},
    backups::up_to_date,
};
use crate::{
    confirm::{AccessNotConfirmed, Risk, RiskSummary, agrees},
    operator_log, output,
};

/// Export, import and restore one account.
#[derive(Debug, Subcommand)]
pub(super) enum Tenant {
    /// Export one account's rows, from one snapshot, to a file that another NEXO can import.
    Export(Export),
    /// Import such a file as a new account, with new ids.
    Import(Import),
    /// Restore one account from a backup; rows of other accounts are not touched.
    Restore(Restore),
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// Slug or id of the account.
    account: String,
    /// Target file; by default `SLUG.nexo.tar.zst` in the current folder.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Replace an existing file.
    #[arg(long)]
    overwrite: bool,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// File of an exported account.
    file: PathBuf,
    /// Perform the import and roll it back.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// Slug or id of the account.
    account: String,
    /// Name of the backup, or `latest`.
    #[arg(long, value_name = "BACKUP")]
    from: String,
    /// Only show which rows would be inserted, updated and deleted.
    #[arg(long)]
    diff: bool,
    /// Only show it as JSON, with the present and the restored content of each row.
    #[arg(long, conflicts_with = "diff")]
    preview: bool,
    /// Confirm that members, roles and invitations are restored as well; if there are any, this is asked separately.
    #[arg(long)]
    with_access: bool,
    #[command(flatten)]
    consent: ConfirmArgs,
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
        let operation = format!("export account {}", self.account);
        let work =
            async { Ok(tenant::export(&target.reader, &self.account, &path, self.overwrite, now).await?) };
        let done = target.record(&operation, work).await;
        target.leave().await?;
        let about = done?;
        if context.json {
            output::json(&about)?;
        } else {
            for table in about.tables.iter().filter(|table| table.rows > 0) {
                output::line(&format!("{:<24} {:>9} rows", table.name, table.rows));
            }
            output::line(&format!("{} is in {}", about.name, path.display()));
        }
        Ok(true)
    }
}

impl Import {
    async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let content = OpenArchive::open(&self.file)?;
        let target = context.target().await?;
        let work = async { Ok(tenant::import(&target.migrator, &content, self.dry_run).await?) };
        let done = if self.dry_run {
            work.await
        } else {
            target.record(&format!("import account {}", content.about.name), work).await
        };
        target.leave().await?;
        let imported = done?;
        if context.json {
            output::json(&imported)?;
        } else {
            let (rows, known, new) = (imported.rows, imported.known_people, imported.new_people);
            let would = if self.dry_run { "would be" } else { "is" };
            output::line(&format!(
                "{} {would} account {} ({}): {rows} rows",
                content.about.name, imported.slug, imported.account_id
            ));
            output::line(&format!(
                "people: {known} were here already, {new} are new and have no password yet"
            ));
        }
        Ok(true)
    }
}

impl Restore {
    async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let (config, migrations) = (context.backups()?, context.migrations()?);
        let target = context.target().await?;
        let exclusive = target.alone("nexo db tenant restore").await?;
        let name = config.bring(&self.from).await?;
        config.insist_on_account(&name, &target.migrator, &self.account).await?;
        let beside = Box::pin(config.restore_beside_in(exclusive, &name, None)).await?;
        let done = Box::pin(self.work(&config, &target, &beside, &name, &migrations)).await;
        beside.discard().await?;
        target.leave().await?;
        self.show(context, &name, done?)
    }

    async fn work(
        &self,
        config: &Config,
        target: &Target,
        beside: &ShadowDatabase,
        name: &Name,
        migrations: &migrate::Migrations,
    ) -> anyhow::Result<TenantRestore> {
        up_to_date(&beside.options, migrations).await?;
        let found = beside.differences(&target.migrator, &self.account).await?;
        if self.looks_only() || found.changes.is_empty() {
            return Ok(found);
        }
        let by = Operator { name: operator_log::actor(), backup: name.to_string() };
        let work = async {
            anyhow::ensure!(self.lets_in(&found.access), AccessNotConfirmed);
            self.consent.precaution.take(config, target, "before-tenant-restore").await?;
            Ok(Box::pin(beside.apply(&target.migrator, &self.account, &found, &by)).await?)
        };
        let card = self.card(config, name, &found)?;
        Box::pin(card.confirm(&target.asked(self.consent.given()), work)).await
    }

    fn card(&self, config: &Config, name: &Name, found: &TenantRestore) -> anyhow::Result<RiskSummary> {
        let mut at_risk: Vec<String> = found.changes.iter().map(ToString::to_string).collect();
        at_risk.extend(found.access.lines());
        Ok(RiskSummary {
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

    /// Access is confirmed separately, because a member may have been removed for a reason.
    fn lets_in(&self, access: &RestoredAccess) -> bool {
        const QUESTION: &str =
            "Access comes back, as the card says. Type yes if these people are to have it: ";
        access.is_empty() || self.with_access || (self.consent.given().is_none() && agrees(QUESTION, "yes"))
    }

    fn show(&self, context: &Context, name: &Name, mut found: TenantRestore) -> anyhow::Result<bool> {
        if self.preview {
            output::json(&json!({ "account": self.account, "backup": name, "preview": found }))?;
            return Ok(true);
        }
        found.changes.iter_mut().for_each(|change| change.rows.clear());
        if context.json {
            output::json(&found)?;
            return Ok(true);
        }
        found.changes.iter().for_each(|change| output::line(&change.to_string()));
        found.access.lines().iter().for_each(|line| output::line(line));
        if found.left_alone > 0 {
            output::line(&format!("{} rows were written meanwhile, and stay as they are", found.left_alone));
        }
        output::line(match (self.diff, found.changes.is_empty()) {
            (_, true) => "the account is as it was in the backup",
            (true, _) => "nothing was changed",
            _ => "done",
        });
        Ok(true)
    }
}
