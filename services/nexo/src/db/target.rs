use std::{
    path::{Path, PathBuf},
    str::FromStr as _,
};

use ::backup::Exclusive;
use anyhow::Context as _;
use cluster::{Access, Binaries, Cluster};
use kernel::Env;
use sqlx::postgres::PgConnectOptions;

use super::{Context, role::Role};
use crate::{confirm::Asked, say, up::embedded};

/// The database that a command is about.
pub(crate) struct Target {
    /// As the role that migrates.
    pub(crate) migrator: PgConnectOptions,
    /// As the role that backs up.
    pub(crate) reader: PgConnectOptions,
    /// The private server's, and the password of its roles.
    access: Option<(Access, String)>,
    /// Kept running for as long as the command does.
    cluster: Option<Cluster>,
}

impl Target {
    /// `MIGRATION_DATABASE_URL`; otherwise the server of `nexo up`, started for the command if it does not run.
    pub(crate) async fn find(env: &mut Env) -> anyhow::Result<Self> {
        if let Some(named) = Self::beside(env)? {
            return Ok(named);
        }
        let home = env.state_folder();
        if let Some(access) = Cluster::running(&home)? {
            access.accepts().await?; // it may just be started again
            return Self::of_running(&access, &home);
        }
        anyhow::ensure!(
            home.join("postgres").exists(),
            "there is no database in {} yet: start one with `nexo up`, or set MIGRATION_DATABASE_URL",
            home.display()
        );
        let wanted = env.optional("NEXO_POSTGRES_BIN").map(PathBuf::from);
        let cluster = Cluster::start(&home, Binaries::find(wanted.as_deref())?).await?;
        Self::at(&cluster.access().clone(), &home, Some(cluster))
    }

    /// The database of a NEXO that runs in this process; `None`: nobody has said how to migrate it.
    pub(crate) fn beside(env: &mut Env) -> anyhow::Result<Option<Self>> {
        let Some(migrator) = address(env, "MIGRATION_DATABASE_URL")? else { return Ok(None) };
        let reader = address(env, "BACKUP_DATABASE_URL")?.unwrap_or_else(|| migrator.clone());
        Ok(Some(Self { migrator, reader, access: None, cluster: None }))
    }

    /// The database of a server that another process keeps in `home`.
    pub(crate) fn of_running(access: &Access, home: &Path) -> anyhow::Result<Self> {
        Self::at(access, home, None)
    }

    fn at(access: &Access, home: &Path, cluster: Option<Cluster>) -> anyhow::Result<Self> {
        let password = embedded::roles_password(home)?;
        let role = |role: &str| access.role(role, &password, embedded::DATABASE);
        let (migrator, reader) = (role("nexo_migrator"), role("nexo_backup"));
        Ok(Self { migrator, reader, access: Some((access.clone(), password)), cluster })
    }

    /// The environment of a service that connects as `role`, and leaves migrations alone.
    pub(crate) fn env_for(&self, env: &Env, role: &str, setting: &'static str) -> anyhow::Result<Env> {
        let address = match &self.access {
            Some((access, password)) => Some(access.address(role, password, embedded::DATABASE)),
            None => env.clone().optional(setting),
        };
        let address = address.with_context(|| format!("{setting} is not set: the address of {role}"))?;
        Ok(env.clone().with("DATABASE_URL", address).with("NEXO_MIGRATE_ON_BOOT", "false"))
    }

    /// The address of a role, with its password.
    pub(crate) fn address(&self, env: &Env, role: Role) -> anyhow::Result<String> {
        match &self.access {
            Some((access, password)) => Ok(access.address(role.name(), password, embedded::DATABASE)),
            None => env
                .clone()
                .optional(role.setting())
                .with_context(|| format!("{} is not set: the address of {}", role.setting(), role.name())),
        }
    }

    /// Whether the server runs without this command.
    pub(crate) fn is_running_by_itself(&self) -> bool {
        self.cluster.is_none()
    }

    /// The database to ourselves, as far as other commands are concerned; waits for them a minute at most. What is counted
    /// for a card is counted after this: another database may be live by then.
    pub(crate) async fn alone(&self, what: &str) -> anyhow::Result<Exclusive> {
        let what = format!("{what} ({})", Context::actor());
        let waiting = |holder: &migrate::Holder| say::note(&format!("waiting for another command: {holder}"));
        Ok(Exclusive::enter(&self.migrator, &what, waiting).await?)
    }

    /// [`alone`](Self::alone), for what needs no maintenance database itself: where that cannot be entered, no restore can
    /// run beside it.
    pub(crate) async fn alone_if_possible(&self, what: &str) -> anyhow::Result<Option<Exclusive>> {
        match self.alone(what).await {
            Err(failed) if matches!(failed.downcast_ref(), Some(::backup::Error::Database(_))) => Ok(None),
            entered => entered.map(Some),
        }
    }

    /// Who is asked before something is done to it that could lose data.
    pub(crate) fn asked<'g>(&self, given: Option<&'g str>) -> Asked<'g> {
        Asked { database: self.name(), given, log: self.migrator.clone(), actor: Context::actor() }
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

fn address(env: &mut Env, name: &'static str) -> anyhow::Result<Option<PgConnectOptions>> {
    let text = env.optional(name);
    text.map(|text| PgConnectOptions::from_str(&text).with_context(|| format!("{name} is no address")))
        .transpose()
}
