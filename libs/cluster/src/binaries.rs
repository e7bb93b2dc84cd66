//! Where PostgreSQL's server programs are.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Error;

/// A folder with `postgres`, `initdb` and `pg_ctl`.
#[derive(Debug, Clone)]
pub struct Binaries {
    folder: PathBuf,
    version: String,
}

impl Binaries {
    /// Looks in `wanted` alone if it is given; otherwise on the `PATH`, where `pg_config` says, and in Debian's folders,
    /// the newest version first.
    pub fn find(wanted: Option<&Path>) -> Result<Self, Error> {
        if let Some(wanted) = wanted {
            return Self::at(wanted).ok_or(Error::NotFound);
        }
        on_path()
            .into_iter()
            .chain(by_pg_config())
            .chain(debian())
            .find_map(|folder| Self::at(&folder))
            .ok_or(Error::NotFound)
    }

    /// Those of one major release, such as `17`.
    pub fn of_major(major: &str) -> Result<Self, Error> {
        let places = on_path().into_iter().chain(by_pg_config()).chain(debian());
        let found = places.filter_map(|folder| Self::at(&folder)).find(|found| found.major() == major);
        found.ok_or(Error::NotFound)
    }

    fn at(folder: &Path) -> Option<Self> {
        // A link on the PATH leads to the real folder, beside which the server finds its shared files.
        let server = fs::canonicalize(folder.join("postgres")).ok()?;
        let folder = server.parent()?.to_owned();
        let complete = ["initdb", "pg_ctl"].iter().all(|program| folder.join(program).exists());
        let said = Command::new(&server).arg("--version").output().ok().filter(|_| complete)?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned(); // postgres (PostgreSQL) 17.6 (Debian 17.6-1)
        let version = said.split(')').nth(1)?.split_whitespace().next()?.to_owned();
        Some(Self { folder, version })
    }

    /// One of the programs.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// As the server writes it, such as `17.6`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// As `PG_VERSION` in a data folder writes it, such as `17`.
    #[must_use]
    pub fn major(&self) -> &str {
        self.version.split('.').next().unwrap_or_default()
    }
}

fn on_path() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}

fn by_pg_config() -> Option<PathBuf> {
    let said = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(said.stdout).ok()?.trim()))
}

fn debian() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<_> = versions.map(|entry| entry.path()).collect();
    versions.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    versions.into_iter().rev().map(|version| version.join("bin")).collect()
}
