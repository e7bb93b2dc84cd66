//! Discovery of PostgreSQL's server programs.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Error;

/// Folder with `postgres`, `initdb` and `pg_ctl`.
#[derive(Debug, Clone)]
pub struct Binaries {
    folder: PathBuf,
    version: String,
}

impl Binaries {
    /// Searches only `wanted` if it is given. Otherwise searches the `PATH`, the folder of `pg_config`, and
    /// Debian's folders, newest version first.
    pub fn find(wanted: Option<&Path>) -> Result<Self, Error> {
        if let Some(wanted) = wanted {
            return Self::in_folder(wanted).ok_or(Error::NotFound);
        }
        on_path()
            .into_iter()
            .chain(by_pg_config())
            .chain(debian())
            .find_map(|folder| Self::in_folder(&folder))
            .ok_or(Error::NotFound)
    }

    /// Finds the programs of a major release, such as `17`.
    pub fn of_major(major: &str) -> Result<Self, Error> {
        let places = on_path().into_iter().chain(by_pg_config()).chain(debian());
        let found = places.filter_map(|folder| Self::in_folder(&folder)).find(|found| found.major() == major);
        found.ok_or(Error::NotFound)
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        // Resolves links: the server finds its shared files next to its real folder.
        let server = fs::canonicalize(folder.join("postgres")).ok()?;
        let folder = server.parent()?.to_owned();
        let complete = ["initdb", "pg_ctl"].iter().all(|program| folder.join(program).exists());
        let said = Command::new(&server).arg("--version").output().ok().filter(|_| complete)?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned(); // postgres (PostgreSQL) 17.6 (Debian 17.6-1)
        let version = said.split(')').nth(1)?.split_whitespace().next()?.to_owned();
        Some(Self { folder, version })
    }

    /// Path of the program with this name.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Version of the server, such as `17.6`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Major version as in the file `PG_VERSION`, such as `17`.
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
