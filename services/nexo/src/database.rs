//! `nexo db …`

use std::{path::PathBuf, process::ExitCode, str::FromStr as _};

use anyhow::Context as _;
use clap::Subcommand;
use cluster::{Access, Binaries, Cluster};
use kernel::Env;
use migrate::{Migrations, NoHooks, State, Status};
use sqlx::postgres::PgConnectOptions;

use crate::{say, up::embedded};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show every migration and how it stands. Exit code 1: not all are applied.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Apply what is pending.
    Migrate,
}

/// The database that a command is about.
pub(crate) struct Target {
    /// As the role that migrates.
    pub(crate) migrator: PgConnectOptions,
    /// Kept running for as long as the command does.
    cluster: Option<Cluster>,
}

impl Target {
    /// `MIGRATION_DATABASE_URL`; otherwise the server of `nexo up`, started for the command if it does not run.
    pub(crate) async fn find(env: &mut Env) -> anyhow::Result<Self> {
        if let Some(address) = env.optional("MIGRATION_DATABASE_URL") {
            let migrator =
                PgConnectOptions::from_str(&address).context("MIGRATION_DATABASE_URL is no address")?;
            return Ok(Self { migrator, cluster: None });
        }
        let home = embedded::home(env);
        if let Some(access) = Cluster::running(&home)? {
            return Ok(Self { migrator: Self::at(&access, &home)?, cluster: None });
        }
        anyhow::ensure!(
            home.join("postgres").exists(),
            "there is no database in {} yet: start one with `nexo up`, or set MIGRATION_DATABASE_URL",
            home.display()
        );
        let wanted = env.optional("NEXO_POSTGRES_BIN").map(PathBuf::from);
        let cluster = Cluster::start(&home, Binaries::find(wanted.as_deref())?).await?;
        Ok(Self { migrator: Self::at(cluster.access(), &home)?, cluster: Some(cluster) })
    }

    fn at(access: &Access, home: &std::path::Path) -> anyhow::Result<PgConnectOptions> {
        Ok(access.role("nexo_migrator", &embedded::roles_password(home)?, embedded::DATABASE))
    }

    pub(crate) async fn leave(self) -> anyhow::Result<()> {
        if let Some(cluster) = self.cluster {
            cluster.stop().await?;
        }
        Ok(())
    }
}

pub(crate) async fn run(mut env: Env, command: Command) -> anyhow::Result<ExitCode> {
    let target = Target::find(&mut env).await?;
    env.finish()?;
    let done = match command {
        Command::Status { json } => status(&target.migrator, json).await,
        Command::Migrate => migrate(&target.migrator).await,
    };
    target.leave().await?;
    done
}

async fn status(database: &PgConnectOptions, json: bool) -> anyhow::Result<ExitCode> {
    let status = migrate::status(database, &Migrations::embedded()?, migrate::Release::ours()).await?;
    if json {
        say::line(&serde_json::to_string_pretty(&status)?);
    } else {
        show(&status);
    }
    Ok(if status.is_current() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn show(status: &Status) {
    for line in &status.migrations {
        let state = match &line.state {
            State::Applied => "applied".to_owned(),
            State::Pending => "pending".to_owned(),
            State::OutOfOrder => "out of order".to_owned(),
            State::Edited { .. } => "edited after it was applied".to_owned(),
            State::Newer => "applied by a newer release".to_owned(),
            State::Missing => "applied, and unknown to this program".to_owned(),
            State::Failed { statement, error } => {
                format!("failed at statement {statement}: {}", error.as_deref().unwrap_or("it was ended"))
            }
        };
        say::line(&format!("{}  {:<24} {state}", line.version, line.name));
    }
    if let Some(holder) = &status.lock {
        say::line(&format!("a process migrates at this moment: {holder}"));
    }
}

async fn migrate(database: &PgConnectOptions) -> anyhow::Result<ExitCode> {
    let outcome =
        migrate::migrate(database, &Migrations::embedded()?, &NoHooks, &migrate::Settings::default()).await?;
    let version = outcome.version.map(|version| version.to_string()).unwrap_or_default();
    match outcome.applied.len() {
        0 => say::line(&format!("nothing to apply: the database is at {version}")),
        count => say::line(&format!("applied {count}: the database is at {version}")),
    }
    Ok(ExitCode::SUCCESS)
}
