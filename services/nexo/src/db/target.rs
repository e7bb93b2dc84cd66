use std::{
    path::{Path, PathBuf},
    str::FromStr as _,
};

use anyhow::Context as _;
use cluster::{Access, Binaries, Cluster};
use kernel::Env;
use sqlx::postgres::PgConnectOptions;

use crate::up::embedded;

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

    fn at(access: &Access, home: &Path) -> anyhow::Result<PgConnectOptions> {
        Ok(access.role("nexo_migrator", &embedded::roles_password(home)?, embedded::DATABASE))
    }

    /// The database's name, which an operator types to confirm.
    pub(crate) fn name(&self) -> String {
        self.migrator.get_database().unwrap_or_else(|| self.migrator.get_username()).to_owned()
    }

    pub(crate) async fn leave(self) -> anyhow::Result<()> {
        if let Some(cluster) = self.cluster {
            cluster.stop().await?;
        }
        Ok(())
    }
}
