//! The database that `nexo up` stands on: its own, or the one that the environment names.

use std::path::{Path, PathBuf};

use ::db::Passwords;
use anyhow::Context as _;
use cluster::{Binaries, Cluster, kept_secret};
use kernel::Env;

/// The database's name in the private cluster.
pub(crate) const DATABASE: &str = "nexo";

/// Where the embedded default keeps everything.
pub(crate) fn home(env: &mut Env) -> PathBuf {
    PathBuf::from(env.or("NEXO_STATE", ".nexo"))
}

/// The password of the roles in the private cluster.
pub(crate) fn roles_password(home: &Path) -> anyhow::Result<String> {
    Ok(kept_secret(&home.join("roles.password"))?)
}

/// A database.
pub(crate) enum Place {
    /// A private cluster in the state folder.
    Own { cluster: Box<Cluster>, password: String, version: String },
    /// The addresses of the environment.
    Named,
}

impl Place {
    pub(crate) async fn find(env: &mut Env) -> anyhow::Result<Self> {
        if env.optional("DATABASE_URL").is_some() {
            return Ok(Self::Named);
        }
        let wanted = env.optional("NEXO_POSTGRES_BIN").map(PathBuf::from);
        let binaries = Binaries::find(wanted.as_deref())?;
        let (home, version) = (home(env), binaries.version().to_owned());
        tracing::info!(version, folder = %home.display(), "starting PostgreSQL");
        let cluster = Box::new(Cluster::start(&home, binaries).await?);
        let password = roles_password(&home)?;
        let passwords = Passwords::same(&password.clone().into());
        let prepared = ::db::prepare_cluster(&cluster.superuser("postgres"), DATABASE, &passwords).await;
        if let Err(error) = prepared {
            cluster.stop().await?;
            return Err(error).context("the roles and the database cannot be made");
        }
        Ok(Self::Own { cluster, password, version })
    }

    /// The environment of a service that connects as `role`.
    pub(crate) fn env_for(&self, env: &Env, role: &str) -> anyhow::Result<Env> {
        match self {
            Self::Own { cluster, password, .. } => {
                let address = |role: &str| cluster.access().address(role, password, DATABASE);
                let env = env.clone().with("DATABASE_URL", address(role));
                let env = env.with("MIGRATION_DATABASE_URL", address("nexo_migrator"));
                let env = env.with("RELAY_DATABASE_URL", address("nexo_relay"));
                Ok(env.with("BACKUP_DATABASE_URL", address("nexo_backup")))
            }
            Self::Named if role == "nexo_auth" => {
                let address = env.clone().optional("NEXO_AUTH_DATABASE_URL");
                let address = address
                    .context("NEXO_AUTH_DATABASE_URL is not set: auth-service connects as nexo_auth")?;
                Ok(env.clone().with("DATABASE_URL", address))
            }
            Self::Named => Ok(env.clone()),
        }
    }

    pub(crate) fn description(&self) -> String {
        match self {
            Self::Own { cluster, version, .. } => {
                format!("PostgreSQL {version} on 127.0.0.1:{}, private to this folder", cluster.port())
            }
            Self::Named => "as DATABASE_URL says".to_owned(),
        }
    }

    pub(crate) async fn leave(self) -> anyhow::Result<()> {
        if let Self::Own { cluster, .. } = self {
            cluster.stop().await?;
        }
        Ok(())
    }
}
