use std::{collections::BTreeMap, fs, path::Path};

use super::{FileError, FileName, Migration, Script, Version};
use crate::Error;

static EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// All migrations, oldest first.
#[derive(Debug, Clone)]
pub struct Migrations(Vec<Migration>);

impl Migrations {
    /// Those that this program was built with.
    pub fn embedded() -> Result<Self, Error> {
        Self::of(EMBEDDED.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())))
    }

    /// Those in a folder.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(Error::Folder)? {
            let path = entry.map_err(Error::Folder)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, fs::read(&path).map_err(Error::Folder)?));
        }
        Self::of(files)
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
        Ok(Self(found.into_values().collect()))
    }

    /// The newest: the version that a database has when all are applied.
    #[must_use]
    pub fn latest(&self) -> Option<&Version> {
        self.0.last().map(|migration| &migration.version)
    }

    /// Each, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Migration> {
        self.0.iter()
    }

    /// Those up to this version.
    #[must_use]
    pub fn up_to(&self, version: &Version) -> Self {
        Self(self.0.iter().filter(|migration| migration.version <= *version).cloned().collect())
    }

    /// The one of this version.
    #[must_use]
    pub fn find(&self, version: &Version) -> Option<&Migration> {
        self.0.iter().find(|migration| migration.version == *version)
    }
}
