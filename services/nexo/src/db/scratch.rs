//! A throw-away server of the target's major release, on which migrations can be tried without touching the target.

use std::path::PathBuf;

use ::db::Passwords;
use anyhow::Context as _;
use cluster::{Binaries, Cluster};
use kernel::Env;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

const PASSWORD: &str = "throw-away";
const DATABASE: &str = "scratch";

/// It goes with the process, however that ends.
pub(crate) struct Scratch {
    /// As the role that migrates.
    pub(crate) migrator: PgConnectOptions,
    _cluster: Cluster,
}

impl Scratch {
    /// Of the same major release as `target`.
    pub(crate) async fn like(target: &PgConnectOptions, env: &Env) -> anyhow::Result<Self> {
        Self::start(env, Some(&major(target).await?)).await
    }

    /// The same; `None` where that release's programs are not installed.
    pub(crate) async fn if_installed(target: &PgConnectOptions, env: &Env) -> anyhow::Result<Option<Self>> {
        let major = major(target).await?;
        match installed(env, Some(&major)) {
            Ok(binaries) if binaries.major() == major => Ok(Some(Self::of(binaries).await?)),
            _ => Ok(None),
        }
    }

    /// Of any release.
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
        Self::of(binaries).await
    }

    async fn of(binaries: Binaries) -> anyhow::Result<Self> {
        let cluster = Cluster::throw_away(binaries, &[]).await?;
        let passwords = Passwords::same(&PASSWORD.to_owned().into());
        ::db::prepare_cluster(&cluster.superuser("postgres"), DATABASE, &passwords).await?;
        Ok(Self { migrator: cluster.role("nexo_migrator", PASSWORD, DATABASE), _cluster: cluster })
    }
}

/// The major release of a server.
async fn major(target: &PgConnectOptions) -> anyhow::Result<String> {
    let mut conn = PgConnection::connect_with(target).await.context("the database cannot be reached")?;
    let (number,): (String,) =
        sqlx::query_as("select current_setting('server_version_num')").fetch_one(&mut conn).await?;
    conn.close().await?;
    Ok((number.parse::<u32>()? / 10_000).to_string())
}

/// The programs that `NEXO_POSTGRES_BIN` names, whichever release they are; otherwise those of `major`.
fn installed(env: &Env, major: Option<&str>) -> Result<Binaries, cluster::Error> {
    let wanted = env.clone().optional("NEXO_POSTGRES_BIN").map(PathBuf::from);
    match (&wanted, major) {
        (None, Some(major)) => Binaries::of_major(major),
        _ => Binaries::find(wanted.as_deref()),
    }
}
