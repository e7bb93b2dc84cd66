use ::backup::{Beside, Config, Name, Swapped, undo};
use clap::Args;
use migrate::{Migrations, NoHooks, migrate};
use serde_json::json;

use super::super::{
    Context, Target,
    precaution::{Consent, recovery},
};
use crate::{confirm::Card, say};

#[derive(Debug, Args)]
pub(in crate::db) struct Restore {
    /// Which: a name, or `latest`.
    #[arg(required_unless_present = "undo", conflicts_with = "undo")]
    name: Option<String>,
    /// Bring back what was live before the last restore.
    #[arg(long)]
    undo: bool,
    /// Only restore it beside, into a new database of this name.
    #[arg(long, value_name = "DATABASE", conflicts_with = "undo")]
    into: Option<String>,
    #[command(flatten)]
    consent: Consent,
}

impl Restore {
    pub(in crate::db) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let config = context.backups()?;
        let target = context.target().await?;
        let done = match (&self.name, &self.into) {
            (Some(name), Some(into)) => self.beside(&config, &target, name, into).await,
            (Some(name), None) => Box::pin(self.replace(&config, &target, name)).await,
            (None, _) => self.go_back(&config, &target).await,
        };
        target.leave().await?;
        let Done { message, json } = done?;
        if context.json {
            say::json(&json)?;
        } else {
            say::line(&message);
        }
        Ok(true)
    }

    async fn beside(&self, config: &Config, target: &Target, name: &str, into: &str) -> anyhow::Result<Done> {
        let name = config.bring(name).await?;
        let beside = config.restore_beside(&name, &target.migrator, Some(into)).await?;
        beside.keep().await?;
        let message = format!("{name} is in database {into}, compared; {} is as it was", target.name());
        Ok(Done { message, json: json!({ "name": name, "database": into }) })
    }

    async fn replace(&self, config: &Config, target: &Target, name: &str) -> anyhow::Result<Done> {
        let name = config.bring(name).await?;
        let manifest = config.manifest(&name)?;
        let card = Card {
            operation: format!(
                "put {} in the place of {}, as it was at {}",
                name,
                target.name(),
                manifest.made.at
            ),
            risk: "what was written since then is not in it; open sessions are ended for a moment".to_owned(),
            at_risk: config.since(&manifest, &target.reader).await?,
            backup: self.consent.told(),
            recovery: recovery(config)?,
            undo: "nexo db restore --undo: what is live now is kept beside".to_owned(),
        };
        let work = async {
            self.consent.precaution.take(config, target, "before-restore").await?;
            let beside = config.restore_beside(&name, &target.migrator, None).await?;
            say::note("restored beside, and every table, policy and grant compared");
            up_to_date(&beside).await?;
            Ok(beside.swap_in(config).await?)
        };
        let swapped = card.confirm(&target.asked(self.consent.given()), work).await?;
        Ok(Done::swapped(&format!("{name} is live"), Some(&name), &swapped))
    }

    async fn go_back(&self, config: &Config, target: &Target) -> anyhow::Result<Done> {
        let card = Card {
            operation: format!("bring back what was {} before the last restore", target.name()),
            risk: "what was written since the restore is not in it".to_owned(),
            at_risk: vec![format!("what is live now is kept beside, as {}_undone_…", target.name())],
            backup: "none is needed: both databases stay".to_owned(),
            recovery: "a moment: two renames".to_owned(),
            undo: "nexo db restore latest".to_owned(),
        };
        let work = async { Ok(undo(config, &target.migrator).await?) };
        let swapped = card.confirm(&target.asked(self.consent.given()), work).await?;
        Ok(Done::swapped("the database from before the restore is live again", None, &swapped))
    }
}

struct Done {
    message: String,
    json: serde_json::Value,
}

impl Done {
    fn swapped(what: &str, name: Option<&Name>, swapped: &Swapped) -> Self {
        let Swapped { kept, gap_ms } = swapped;
        Self {
            message: format!(
                "{what}. What was live is kept as {kept}; connections were refused for {gap_ms} ms"
            ),
            json: json!({ "name": name, "kept": kept, "gap_ms": gap_ms }),
        }
    }
}

/// An older schema is brought to this release's before anybody uses it.
async fn up_to_date(beside: &Beside) -> anyhow::Result<()> {
    let schema_version = beside.manifest.as_ref().and_then(|manifest| manifest.schema_version.clone());
    let migrations = Migrations::embedded()?;
    let newest = migrations.latest().map(ToString::to_string);
    if schema_version < newest {
        say::note("its schema is older: migrating it beside");
        Box::pin(migrate(&beside.options, &migrations, &NoHooks, &Context::settings())).await?;
    }
    Ok(())
}
