use ::backup::{ChosenBackup, Config, KeptDatabase, Name, SwapResult};
use clap::Args;
use migrate::{Migrations, NoHooks, migrate};
use serde_json::json;
use sqlx::postgres::PgConnectOptions;

use super::super::{
    Context, Target,
    backup_args::{ConfirmArgs, recovery},
    examine,
};
use super::now;
use crate::{
    confirm::{Risk, RiskSummary},
    output,
};

#[derive(Debug, Args)]
pub(in crate::db) struct Restore {
    /// Name of the backup, or `latest`: the newest valid one that was not taken by another command.
    #[arg(required_unless_present = "undo", conflicts_with = "undo")]
    name: Option<String>,
    /// Restore the database that was live before the last restore, reset or undo.
    #[arg(long)]
    undo: bool,
    /// Restore this database, kept by an earlier restore: see `nexo db databases`.
    #[arg(long, value_name = "DATABASE", requires = "undo")]
    database: Option<String>,
    /// Only restore into a new database of this name, beside the live one.
    #[arg(long, value_name = "DATABASE", conflicts_with = "undo")]
    into: Option<String>,
    #[command(flatten)]
    consent: ConfirmArgs,
}

impl Restore {
    pub(in crate::db) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let config = context.backups()?;
        let migrations = context.migrations()?;
        let target = context.target().await?;
        let done = match (&self.name, &self.into) {
            (Some(name), Some(into)) => self.beside(&config, &target, name, into).await,
            (Some(name), None) => Box::pin(self.replace(&config, &target, &migrations, name)).await,
            (None, _) => Box::pin(self.go_back(&config, &target, &migrations)).await,
        };
        let problems = match &done {
            Ok(_) if self.into.is_none() => examine::run(context, &target, &migrations, true).await,
            _ => Ok(Vec::new()),
        };
        target.leave().await?;
        let RestoreReport { message, mut json } = done?;
        let problems = problems?;
        if context.json {
            if let Some(members) = json.as_object_mut() {
                members.insert("problems".to_owned(), json!(problems));
            }
            output::json(&json)?;
        } else {
            output::line(&message);
        }
        Ok(problems.is_empty())
    }

    async fn beside(
        &self,
        config: &Config,
        target: &Target,
        name: &str,
        into: &str,
    ) -> anyhow::Result<RestoreReport> {
        let exclusive = target.alone("nexo db restore --into").await?;
        let name = config.bring(name).await?;
        let work = async {
            let beside = config.restore_beside_in(exclusive, &name, Some(into)).await?;
            Ok(beside.keep().await?)
        };
        target.record(&format!("restore {name} into {into}"), work).await?;
        let message = format!(
            "{name} is in database {into}, compared; {} is as it was. `nexo db prune` drops {into} after a week",
            target.name()
        );
        Ok(RestoreReport { message, json: json!({ "name": name, "database": into }) })
    }

    async fn replace(
        &self,
        config: &Config,
        target: &Target,
        migrations: &Migrations,
        name: &str,
    ) -> anyhow::Result<RestoreReport> {
        let exclusive = target.alone("nexo db restore").await?;
        exclusive.insist_idle().await?;
        let ChosenBackup { name, passed_over } = config.choose(name).await?;
        let manifest = config.manifest(&name)?;
        let mut at_risk = counted(config.since(&manifest, &target.reader).await);
        at_risk.extend(passed_over.iter().map(|newer| format!("newer, and not meant by `latest`: {newer}")));
        let operation = format!(
            "put {name} in the place of {}, as it was at {}",
            target.name(),
            output::moment(manifest.made.at)
        );
        let card = RiskSummary {
            operation: operation.clone(),
            risk: Risk::High
                .because("what was written since then is not in it; open sessions are ended for a moment"),
            at_risk,
            backup: self.consent.told(),
            recovery: recovery(config)?,
            undo: "nexo db restore --undo: what is live now is kept beside".to_owned(),
        };
        let work = async {
            self.consent.precaution.take(config, target, "before-restore").await?;
            let beside = config.restore_beside_in(exclusive, &name, None).await?;
            output::note("restored beside, and every table, policy and grant compared");
            up_to_date(&beside.options, migrations).await?;
            Ok(beside.swap_in(config, &operation).await?)
        };
        let swapped = Box::pin(card.confirm(&target.asked(self.consent.given()), work)).await?;
        Ok(RestoreReport::swapped(&format!("{name} is live"), Some(&name), &swapped))
    }

    async fn go_back(
        &self,
        config: &Config,
        target: &Target,
        migrations: &Migrations,
    ) -> anyhow::Result<RestoreReport> {
        let mut exclusive = target.alone("nexo db restore --undo").await?;
        exclusive.insist_idle().await?;
        let before = exclusive.before(self.database.as_deref()).await?;
        let since = exclusive.kept().await?.into_iter().next();
        let mut at_risk = both(target, &before, since.as_ref());
        at_risk.extend(counted(config.since_database(&before.database, &target.migrator).await));
        let reason = format!("bring back {}", before.database);
        let card = RiskSummary {
            operation: format!("{reason}, {}", before.about()),
            risk: Risk::Medium
                .because("what was written since then is not in it, and stays in the other database"),
            at_risk,
            backup: "none is needed: both databases stay".to_owned(),
            recovery: "a moment: two renames".to_owned(),
            undo: "nexo db restore --undo once more".to_owned(),
        };
        let work = async {
            up_to_date(&target.migrator.clone().database(&before.database), migrations).await?;
            Ok(exclusive.undo(config, &before, &reason).await?)
        };
        let swapped = card.confirm(&target.asked(self.consent.given()), work).await?;
        Ok(RestoreReport::swapped(&format!("{} is live again", before.database), None, &swapped))
    }
}

/// A live database that cannot be read must not prevent its replacement.
fn counted(lines: Result<Vec<String>, ::backup::Error>) -> Vec<String> {
    lines.unwrap_or_else(|failed| vec![format!("unknown, as the rows cannot be counted: {failed}")])
}

/// Both databases and their ages. `last` is what was kept when the live one became live.
fn both(target: &Target, before: &KeptDatabase, last: Option<&KeptDatabase>) -> Vec<String> {
    let since = last.map_or_else(String::new, |last| {
        format!(" (live since {}, {})", output::moment(last.at), ago(now() - last.at))
    });
    vec![
        format!("goes:  {}{since}; it is kept as {}_undone_…", target.name(), target.name()),
        format!("comes: {} (kept {})", before.database, ago(now() - before.at)),
    ]
}

fn ago(age: time::Duration) -> String {
    match (age.whole_days(), age.whole_hours(), age.whole_minutes()) {
        (days, ..) if days > 1 => format!("{days} days ago"),
        (_, hours, _) if hours > 1 => format!("{hours} hours ago"),
        (.., minutes) => format!("{minutes} minutes ago"),
    }
}

struct RestoreReport {
    message: String,
    json: serde_json::Value,
}

impl RestoreReport {
    fn swapped(what: &str, name: Option<&Name>, swapped: &SwapResult) -> Self {
        let SwapResult { kept, gap_ms } = swapped;
        Self {
            message: format!(
                "{what}. What was live is kept as {kept}; connections were refused for {gap_ms} ms"
            ),
            json: json!({ "name": name, "kept": kept, "gap_ms": gap_ms }),
        }
    }
}

/// Migrates an older schema to this release's before the database becomes live.
pub(in crate::db) async fn up_to_date(
    database: &PgConnectOptions,
    migrations: &Migrations,
) -> anyhow::Result<()> {
    let status = migrate::status(database, migrations, migrate::Release::ours()).await?;
    let pending = status.migrations.iter().any(|line| line.state == migrate::State::Pending);
    if pending {
        output::note("its schema is older: migrating it beside");
        Box::pin(migrate(database, migrations, &NoHooks, &Context::settings())).await?;
    }
    Ok(())
}
