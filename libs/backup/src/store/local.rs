use std::{
    fs::{self, DirBuilder, File, Permissions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use time::OffsetDateTime;
use tokio::time::Duration;
use uuid::Uuid;

use crate::{Error, Name, disk::sync_folder};

/// A folder with one subfolder per backup. A subfolder without a leading dot is complete.
#[derive(Debug, Clone)]
pub(crate) struct Local(PathBuf);

const PARTIAL: &str = ".partial-";
const REMOVED: &str = ".removed-";
/// Maximum number of seconds by which a name may be later than the start of its backup.
const SECONDS: u64 = 600;
/// Prefix of the temporary files of the `tempfile` crate.
const UNFINISHED: &str = ".tmp";

impl Local {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Creates the folder, accessible to its owner only.
    pub(crate) fn prepare(&self) -> Result<(), Error> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(Error::file(&self.0))
    }

    /// Names of all completed backups, oldest first. Missing files inside a backup are reported as damage later.
    pub(crate) fn names(&self) -> Result<Vec<Name>, Error> {
        let entries = match fs::read_dir(&self.0) {
            Err(missing) if missing.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(Error::file(&self.0))?,
        };
        let mut names: Vec<Name> =
            entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        names.sort();
        Ok(names)
    }

    pub(crate) fn file(&self, name: &Name, file: &str) -> PathBuf {
        self.0.join(name.as_str()).join(file)
    }

    /// Length of a file, if it can be opened.
    pub(crate) fn length(&self, name: &Name, file: &str) -> io::Result<u64> {
        Ok(File::open(self.file(name, file))?.metadata()?.len())
    }

    pub(crate) fn read(&self, name: &Name, file: &str) -> Result<Vec<u8>, Error> {
        let path = self.file(name, file);
        fs::read(&path).map_err(Error::file(path))
    }

    /// Replaces a file atomically.
    pub(crate) fn replace(&self, name: &Name, file: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.file(name, file);
        let folder = self.0.join(name.as_str());
        let mut new = tempfile::NamedTempFile::new_in(&folder).map_err(Error::file(&folder))?;
        new.write_all(bytes).and_then(|()| new.as_file().sync_all()).map_err(Error::file(&path))?;
        new.persist(&path).map_err(|failed| Error::file(&path)(failed.error))?;
        sync_folder(&folder)
    }

    /// Removes a backup: renames its folder first, so that a partial removal is never mistaken for a backup.
    pub(crate) fn remove(&self, name: &Name) -> Result<(), Error> {
        let (from, to) = (self.0.join(name.as_str()), self.0.join(format!("{REMOVED}{name}")));
        fs::rename(&from, &to).map_err(Error::file(&from))?;
        sync_folder(&self.0)?;
        fs::remove_dir_all(&to).map_err(Error::file(&to))
    }

    /// Locks a backup's folder against concurrent changes of its files.
    pub(crate) fn hold(&self, name: &Name) -> Result<File, Error> {
        let folder = self.0.join(name.as_str());
        let file = File::open(&folder).map_err(Error::file(&folder))?;
        file.lock().map_err(Error::file(&folder))?;
        Ok(file)
    }

    /// Reserves a name for a backup that begins at `at`, and a folder to create it in. The folder is deleted on
    /// drop unless it is [kept](PendingBackup::keep).
    ///
    /// Names differ by the second, so that they sort by time. Of two backups in one second, the later one gets the
    /// next second: creating the folder decides.
    pub(crate) fn reserve(&self, at: OffsetDateTime, label: &str) -> Result<PendingBackup, Error> {
        self.prepare()?;
        for later in 0..SECONDS {
            let name = Name::new(at + Duration::from_secs(later), label)?;
            if self.has_second(&name)? {
                continue;
            }
            let Some(partial) = self.place(name.second(), &name)? else { continue };
            if !self.has_second(&name)? {
                return Ok(partial);
            }
        }
        Err(Error::NoName(label.to_owned()))
    }

    fn has_second(&self, name: &Name) -> Result<bool, Error> {
        Ok(self.names()?.iter().any(|known| known.second() == name.second()))
    }

    /// Creates a folder for fetching a backup that has its name already.
    pub(crate) fn begin(&self, name: &Name) -> Result<PendingBackup, Error> {
        self.unpack_dir(name)
    }

    /// Creates a temporary folder for unpacking a backup, deleted on drop.
    pub(crate) fn unpack_dir(&self, name: &Name) -> Result<PendingBackup, Error> {
        self.prepare()?;
        let folder = format!("room-{}", Uuid::new_v4().simple());
        self.place(&folder, name)?.ok_or_else(|| Error::NoName(name.to_string()))
    }

    /// Creates and locks a folder; `None` if another process has it, or has just removed it.
    fn place(&self, folder: &str, name: &Name) -> Result<Option<PendingBackup>, Error> {
        let folder = self.0.join(format!("{PARTIAL}{folder}"));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(there) if there.kind() == ErrorKind::AlreadyExists => return Ok(None),
            made => made.map_err(Error::file(&folder))?,
        }
        let Ok(lock) = lock(&folder) else { return Ok(None) };
        if !folder.exists() {
            return Ok(None);
        }
        Ok(Some(PendingBackup { store: self.clone(), name: name.clone(), folder, _lock: lock, kept: false }))
    }

    /// Removes leftovers of interrupted processes; returns their number.
    pub(crate) fn sweep(&self) -> Result<usize, Error> {
        let mut swept = 0;
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(UNFINISHED) {
                let _ = fs::remove_file(entry.path()); // a concurrent writer of this file retries
            }
            let abandoned =
                name.starts_with(REMOVED) || (name.starts_with(PARTIAL) && lock(&entry.path()).is_ok());
            if abandoned {
                fs::remove_dir_all(entry.path()).map_err(Error::file(entry.path()))?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}

/// Locks a folder for the lifetime of the file handle; the lock ends with the process.
fn lock(folder: &Path) -> io::Result<File> {
    let lock = File::open(folder)?;
    lock.try_lock()?;
    Ok(lock)
}

/// A backup in progress.
pub(crate) struct PendingBackup {
    store: Local,
    name: Name,
    folder: PathBuf,
    _lock: File,
    kept: bool,
}

impl PendingBackup {
    /// Name that the backup will get.
    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    pub(crate) fn file(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    pub(crate) fn write(&self, file: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.file(file);
        let mut new = File::create_new(&path).map_err(Error::file(&path))?;
        new.write_all(bytes).and_then(|()| new.sync_all()).map_err(Error::file(&path))?;
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(Error::file(&path))
    }

    /// Completes the backup: syncs its files, and then renames its folder to its name.
    pub(crate) fn keep(mut self) -> Result<(), Error> {
        sync_folder(&self.folder)?;
        let to = self.store.0.join(self.name.as_str());
        fs::rename(&self.folder, &to).map_err(Error::file(&to))?;
        self.kept = true;
        sync_folder(&self.store.0)
    }
}

impl Drop for PendingBackup {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_dir_all(&self.folder); // a later sweep removes the rest
        }
    }
}
