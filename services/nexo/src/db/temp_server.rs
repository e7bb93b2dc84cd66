//! A temporary server of the target's major release, on which migrations can be tried without touching the target.

use std::path::PathBuf;

use ::db::Passwords;
use anyhow::Context as _;
use kernel::Env;
use pg_server::{Binaries, Cluster};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

const PASSWORD: &str = "throw-away";
const DATABASE: &str = "scratch";

/// A server that ends with the process, even if it is killed.
pub(crate) struct TempServer {
    /// Connection options of the migrating role.
    pub(crate) migrator: PgConnectOptions,
    _cluster: Cluster,
}

impl TempServer {
    /// Starts a server of the same major release as `target`.
    pub(crate) async fn like(target: &PgConnectOptions, env: &Env) -> anyhow::Result<Self> {
        Self::start(env, Some(&major(target).await?)).await
    }

    /// Starts a server of the same major release as `target`; `None` if its programs are not installed.
    pub(crate) async fn if_installed(target: &PgConnectOptions, env: &Env) -> anyhow::Result<Option<Self>> {
        let major = major(target).await?;
        match installed(env, Some(&major)) {
            Ok(binaries) if binaries.major() == major => Ok(Some(Self::boot(binaries).await?)),
            _ => Ok(None),
        }
    }

    /// Starts a server of any installed release.
    pub(crate) async fn any(env: &Env) -> anyhow::Result<Self> {
        Self::start(env, None).await
    }

    async fn start(env: &Env, major: Option<&str>) -> anyhow::Result<Self> {
        let needed = || {
            let release = major.map_or_else(String::new, |major| format!(" of PostgreSQL {major}"));
            format!(
                "trying migrations needs the server programs{release} here: install them, or set NEXO_POSTGRES_BIN"
            )
        };
        let binaries = installed(env, major).with_context(needed)?;
        anyhow::ensure!(major.is_none_or(|major| major == binaries.major()), needed());
        Self::boot(binaries).await
    }

    async fn boot(binaries: Binaries) -> anyhow::Result<Self> {
        let cluster = Cluster::ephemeral(binaries, &[]).await?;
        let passwords = Passwords::same(&PASSWORD.to_owned().into());
        ::db::prepare_cluster(&cluster.superuser("postgres"), DATABASE, &passwords).await?;
        Ok(Self { migrator: cluster.role("nexo_migrator", PASSWORD, DATABASE), _cluster: cluster })
    }
}

/// Major release of a server.
async fn major(target: &PgConnectOptions) -> anyhow::Result<String> {
    let mut conn = PgConnection::connect_with(target).await.context("the database cannot be reached")?;
    let (number,): (String,) =
        sqlx::query_as("select current_setting('server_version_num')").fetch_one(&mut conn).await?;
    conn.close().await?;
    Ok((number.parse::<u32>()? / 10_000).to_string())
}

/// The programs in `NEXO_POSTGRES_BIN`, of any release; otherwise those of `major`.
fn installed(env: &Env, major: Option<&str>) -> Result<Binaries, pg_server::Error> {
    let wanted = env.clone().optional("NEXO_POSTGRES_BIN").map(PathBuf::from);
    match (&wanted, major) {
        (None, Some(major)) => Binaries::of_major(major),
        _ => Binaries::find(wanted.as_deref()),
    }
}
