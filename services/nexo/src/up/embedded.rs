//! Database of `nexo up`: a private server, or the one named by the environment.

use std::path::Path;

use ::db::Passwords;
use anyhow::Context as _;
use kernel::Env;
use pg_server::{Binaries, Cluster, Supervisor};

use crate::private_server::{DATABASE, roles_password};

/// Where the database of `nexo up` comes from.
pub(crate) enum DatabaseSource {
    /// A private server in the state folder, restarted when it ends.
    Own { server: Supervisor, password: String, version: String },
    /// A server named by the environment's URLs.
    Named,
}

impl DatabaseSource {
    pub(crate) async fn find(env: &mut Env) -> anyhow::Result<Self> {
        if env.optional("DATABASE_URL").is_some() {
            return Ok(Self::Named);
        }
        let wanted = env.optional("NEXO_POSTGRES_BIN");
        let binaries = Binaries::find(wanted.as_deref().map(Path::new))?;
        let (home, version) = (env.state_dir(), binaries.version().to_owned());
        tracing::info!(version, folder = %home.display(), "starting PostgreSQL");
        let cluster = Cluster::start(&home, binaries).await?;
        let password = roles_password(&home)?;
        let passwords = Passwords::same(&password.clone().into());
        let prepared = ::db::prepare_cluster(&cluster.superuser("postgres"), DATABASE, &passwords).await;
        if let Err(error) = prepared {
            cluster.stop().await?;
            return Err(error).context("the roles and the database cannot be made");
        }
        Ok(Self::Own { server: cluster.supervise(), password, version })
    }

    /// Environment of a service that connects as `role`.
    pub(crate) fn env_for(&self, env: &Env, role: &str) -> anyhow::Result<Env> {
        match self {
            Self::Own { server, password, .. } => {
                let address = |role: &str| server.access().address(role, password, DATABASE);
                let env = env.clone().with("DATABASE_URL", address(role));
                let env = env.with("MIGRATION_DATABASE_URL", address("nexo_migrator"));
                let env = env.with("RELAY_DATABASE_URL", address("nexo_relay"));
                Ok(env.with("BACKUP_DATABASE_URL", address("nexo_backup")))
            }
            Self::Named if role == "nexo_auth" => {
                let address = env.clone().optional("AUTH_DATABASE_URL");
                let address =
                    address.context("AUTH_DATABASE_URL is not set: auth-service connects as nexo_auth")?;
                Ok(env.clone().with("DATABASE_URL", address))
            }
            Self::Named => Ok(env.clone()),
        }
    }

    pub(crate) fn description(&self) -> String {
        match self {
            Self::Own { server, version, .. } => {
                format!("PostgreSQL {version} on 127.0.0.1:{}, private to this folder", server.port())
            }
            Self::Named => "as DATABASE_URL says".to_owned(),
        }
    }

    /// Completes when the database is lost for good; [`leave`](Self::leave) returns the reason.
    pub(crate) async fn lost(&self) {
        match self {
            Self::Own { server, .. } => server.gave_up().await,
            Self::Named => std::future::pending().await, // not ours: services wait for it
        }
    }

    pub(crate) async fn leave(self) -> anyhow::Result<()> {
        if let Self::Own { server, .. } = self {
            server.stop().await?;
        }
        Ok(())
    }
}
