use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{FileError, FileName, Migration, Script, Version};
use crate::Error;

static EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// All migrations, oldest first.
#[derive(Debug, Clone)]
pub struct Migrations {
    all: Vec<Migration>,
    /// Where they were read; `None`: they are those of this program.
    folder: Option<PathBuf>,
}

impl Migrations {
    /// Those that this program was built with.
    pub fn embedded() -> Result<Self, Error> {
        Self::of(EMBEDDED.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())))
    }

    /// Those in a folder. Errors name the file or the folder by its path.
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
        let read = Self::of(files).map_err(|error| match error {
            Error::File { file, problem } => {
                Error::File { file: folder.join(file).display().to_string(), problem }
            }
            other => other,
        })?;
        Ok(Self { folder: Some(folder.to_owned()), ..read })
    }

    /// These files: name and content.
    pub fn of(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Self, Error> {
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

    /// The newest: the version that a database has when all are applied.
    #[must_use]
    pub fn latest(&self) -> Option<&Version> {
        self.all.last().map(|migration| &migration.version)
    }

    /// The folder that they were read from; `None`: they are those of this program.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Each, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Migration> {
        self.all.iter()
    }

    /// Those up to this version.
    #[must_use]
    pub fn up_to(&self, version: &Version) -> Self {
        let all = self.all.iter().filter(|migration| migration.version <= *version).cloned().collect();
        Self { all, folder: self.folder.clone() }
    }

    /// The one of this version.
    #[must_use]
    pub fn find(&self, version: &Version) -> Option<&Migration> {
        self.all.iter().find(|migration| migration.version == *version)
    }
}
