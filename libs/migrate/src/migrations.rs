//! The set of all migrations: embedded, or of a folder.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::{Error, FileError, Migration, Script, Version, file::FileName};

static EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// All migrations, oldest first.
#[derive(Debug, Clone)]
pub struct Migrations {
    all: Vec<Migration>,
    /// Folder that they were read from; `None` if embedded.
    folder: Option<PathBuf>,
}

impl Migrations {
    /// Migrations embedded in this program.
    pub fn embedded() -> Result<Self, Error> {
        Self::from_files(EMBEDDED.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())))
    }

    /// Reads migrations from a folder. Errors contain the path of the file or folder.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Folder { path, source }
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
            let path = entry.map_err(unreadable(folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, fs::read(&path).map_err(unreadable(&path))?));
        }
        let read = Self::from_files(files).map_err(|error| match error {
            Error::File { file, problem } => {
                Error::File { file: folder.join(file).display().to_string(), problem }
            }
            other => other,
        })?;
        Ok(Self { folder: Some(folder.to_owned()), ..read })
    }

    /// Parses migrations from names and contents of files.
    pub fn from_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Self, Error> {
        let mut found: BTreeMap<Version, Migration> = BTreeMap::new();
        let mut downs = Vec::new();
        for (file, bytes) in files {
            let wrong = |problem: FileError| Error::File { file: file.clone(), problem };
            let name: FileName = file.parse().map_err(wrong)?;
            if name.down {
                let (script, _) = Script::read(file.clone(), &bytes).map_err(wrong)?;
                downs.push((file.clone(), name, script));
                continue;
            }
            let migration = Migration::read(name, &bytes).map_err(wrong)?;
            if let Some(other) = found.get(&migration.version) {
                return Err(wrong(FileError::Duplicate(other.file().to_owned())));
            }
            found.insert(migration.version.clone(), migration);
        }
        for (file, name, script) in downs {
            let up = found.get_mut(&name.version).filter(|up| up.name == name.name);
            let wrong = |problem| Error::File { file, problem };
            if script.directives.no_transaction {
                return Err(wrong(FileError::BackWithoutTransaction));
            }
            up.ok_or_else(|| wrong(FileError::Alone))?.down = Some(script);
        }
        Ok(Self { all: found.into_values().collect(), folder: None })
    }

    /// Newest version, which a fully migrated database has.
    #[must_use]
    pub fn latest(&self) -> Option<&Version> {
        self.all.last().map(|migration| &migration.version)
    }

    /// Folder that they were read from; `None` if embedded.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Iterates over the migrations, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Migration> {
        self.all.iter()
    }

    /// Migrations up to and including this version.
    #[must_use]
    pub fn up_to(&self, version: &Version) -> Self {
        let all = self.all.iter().filter(|migration| migration.version <= *version).cloned().collect();
        Self { all, folder: self.folder.clone() }
    }

    /// Finds the migration with this version.
    #[must_use]
    pub fn find(&self, version: &Version) -> Option<&Migration> {
        self.all.iter().find(|migration| migration.version == *version)
    }
}
