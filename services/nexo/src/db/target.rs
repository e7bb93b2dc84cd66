use std::{
    path::{Path, PathBuf},
    pin::Pin,
    str::FromStr as _,
    time::Duration,
};

use ::backup::{Exclusive, LOCK_TIMEOUT};
use anyhow::Context as _;
use kernel::Env;
use pg_server::{Access, Binaries, Cluster};
use sqlx::postgres::PgConnectOptions;

use super::role::Role;
use crate::{
    confirm::ConfirmPrompt,
    operator_log::{self, OperatorLog},
    output, private_server,
};

/// The database that a command works on.
pub(crate) struct Target {
    /// Connection options of the migrating role.
    pub(crate) migrator: PgConnectOptions,
    /// Connection options of the backup role.
    pub(crate) reader: PgConnectOptions,
    /// Access to the private server, and the password of its roles.
    access: Option<(Access, String)>,
    /// Private server that runs for the duration of the command.
    cluster: Option<Cluster>,
}

impl Target {
    /// Uses `MIGRATION_DATABASE_URL`; otherwise the private server of `nexo up`, which is started if necessary.
    pub(crate) async fn find(env: &mut Env) -> anyhow::Result<Self> {
        if let Some(named) = Self::beside(env)? {
            return Ok(named);
        }
        let home = env.state_dir();
        if let Some(access) = Cluster::running(&home)? {
            access.accepts().await?; // it may be restarting
            return Self::of_running(&access, &home);
        }
        anyhow::ensure!(
            home.join("postgres").exists(),
            "there is no database in {} yet: start one with `nexo up`, or set MIGRATION_DATABASE_URL",
            home.display()
        );
        let wanted = env.optional("NEXO_POSTGRES_BIN").map(PathBuf::from);
        let cluster = Cluster::start(&home, Binaries::find(wanted.as_deref())?).await?;
        Self::new(&cluster.access().clone(), &home, Some(cluster))
    }

    /// The database from the environment; `None` if `MIGRATION_DATABASE_URL` is not set.
    pub(crate) fn beside(env: &mut Env) -> anyhow::Result<Option<Self>> {
        let Some(migrator) = address(env, "MIGRATION_DATABASE_URL")? else { return Ok(None) };
        let reader = address(env, "BACKUP_DATABASE_URL")?.unwrap_or_else(|| migrator.clone());
        output::set_database(places(&migrator, &reader));
        Ok(Some(Self { migrator, reader, access: None, cluster: None }))
    }

    /// The database of the private server that another process runs in `home`.
    pub(crate) fn of_running(access: &Access, home: &Path) -> anyhow::Result<Self> {
        Self::new(access, home, None)
    }

    fn new(access: &Access, home: &Path, cluster: Option<Cluster>) -> anyhow::Result<Self> {
        let password = private_server::roles_password(home)?;
        let role = |role: &str| access.role(role, &password, private_server::DATABASE);
        let (migrator, reader) = (role("nexo_migrator"), role("nexo_backup"));
        output::set_database(places(&migrator, &reader));
        Ok(Self { migrator, reader, access: Some((access.clone(), password)), cluster })
    }

    /// Environment of a service that connects as `role`, with migrations on boot disabled.
    pub(crate) fn env_for(&self, env: &Env, role: &str, setting: &'static str) -> anyhow::Result<Env> {
        let address = match &self.access {
            Some((access, password)) => Some(access.address(role, password, private_server::DATABASE)),
            None => env.clone().optional(setting),
        };
        let address = address.with_context(|| format!("{setting} is not set: the address of {role}"))?;
        Ok(env.clone().with("DATABASE_URL", address).with("NEXO_MIGRATE_ON_BOOT", "false"))
    }

    /// URL of a role, including its password.
    pub(crate) fn address(&self, env: &Env, role: Role) -> anyhow::Result<String> {
        match &self.access {
            Some((access, password)) => Ok(access.address(role.name(), password, private_server::DATABASE)),
            None => env
                .clone()
                .optional(role.setting())
                .with_context(|| format!("{} is not set: the address of {}", role.setting(), role.name())),
        }
    }

    /// True if the server runs independently of this command.
    pub(crate) fn is_running_by_itself(&self) -> bool {
        self.cluster.is_none()
    }

    /// Excludes other commands from the database; waits for them a minute at most. Counts for a summary must follow,
    /// since another database may be live by then.
    pub(crate) async fn alone(&self, what: &str) -> anyhow::Result<Exclusive> {
        self.alone_within(what, LOCK_TIMEOUT).await
    }

    async fn alone_within(&self, what: &str, wait: Duration) -> anyhow::Result<Exclusive> {
        let what = format!("{what} ({})", operator_log::actor());
        let waiting =
            |holder: &migrate::LockHolder| output::note(&format!("waiting for another command: {holder}"));
        Ok(Exclusive::enter(&self.migrator, &what, wait, waiting).await?)
    }

    /// Like [`alone`](Self::alone), but `None` if the maintenance database is unreachable, in which case no restore can
    /// run either.
    pub(crate) async fn alone_if_possible(
        &self,
        what: &str,
        wait: Duration,
    ) -> anyhow::Result<Option<Exclusive>> {
        match self.alone_within(what, wait).await {
            Err(failed) if matches!(failed.downcast_ref(), Some(::backup::Error::Database(_))) => Ok(None),
            entered => entered.map(Some),
        }
    }

    /// Parameters for confirming an operation on this database.
    pub(crate) fn asked<'g>(&self, given: Option<&'g str>) -> ConfirmPrompt<'g> {
        ConfirmPrompt { database: self.name(), given, log: self.log(&operator_log::actor()) }
    }

    /// Operator log of this database, for work of `actor`.
    pub(crate) fn log(&self, actor: &str) -> OperatorLog {
        OperatorLog { database: self.migrator.clone(), actor: actor.to_owned() }
    }

    /// Carries out work that needs no confirmation, and records it in the operator log.
    pub(crate) fn record<T>(
        &self,
        operation: &str,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> Pin<Box<impl Future<Output = anyhow::Result<T>>>> {
        let log = self.log(&operator_log::actor());
        Box::pin(async move { log.record(operation, work).await })
    }

    /// Name of the database, which an operator types to confirm.
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

/// Hosts and ports of both roles, once if they are the same.
fn places(migrator: &PgConnectOptions, reader: &PgConnectOptions) -> String {
    let [migrator, reader] =
        [migrator, reader].map(|options| format!("{}:{}", options.get_host(), options.get_port()));
    if migrator == reader { migrator } else { format!("{migrator}, for backups {reader}") }
}

fn address(env: &mut Env, name: &'static str) -> anyhow::Result<Option<PgConnectOptions>> {
    let text = env.optional(name);
    text.map(|text| PgConnectOptions::from_str(&text).with_context(|| format!("{name} is no address")))
        .transpose()
}
