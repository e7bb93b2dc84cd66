//! Moves backups to another store, such as an archive disk or a bucket.

use std::{fs, io, path::PathBuf};

use kernel::Env;

use crate::{
    BackupState, Config, Error, ListedBackup, Name, archive,
    store::{ARCHIVE, CATALOGUE, Local, MANIFEST, Remote, SCHEMA, STATUS},
    watch::Counter,
};

/// Target store of a move: a folder, or `s3://bucket/prefix`.
#[derive(Debug, Clone)]
pub struct CopyTarget(CopyLocation);

#[derive(Debug, Clone)]
enum CopyLocation {
    Folder(Local),
    Bucket(Remote),
}

impl CopyTarget {
    /// Parses the target; for a bucket it also reads the `AWS_…` settings.
    pub fn read(store: &str, env: &mut Env) -> Option<Self> {
        if store.starts_with("s3://") {
            return Remote::parse(store, env).map(|remote| Self(CopyLocation::Bucket(remote)));
        }
        Some(Self(CopyLocation::Folder(Local::new(PathBuf::from(store)))))
    }
}

impl Config {
    /// Copies a backup to another store, verifies the hashes of the copy, and then removes the original. The
    /// newest verified backup cannot be moved, because a restore would use it.
    pub async fn move_to(&self, name: &Name, to: &CopyTarget) -> Result<(), Error> {
        let newest = self.backups()?.into_iter().find(|entry| entry.standing == BackupState::Verified);
        if newest.is_some_and(|newest: ListedBackup| newest.name == *name) {
            return Err(Error::StaysHere(name.clone()));
        }
        let manifest = self.intact(name).await?;
        match &to.0 {
            CopyLocation::Folder(folder) => {
                if fs::canonicalize(folder.path()).ok() == fs::canonicalize(self.local.path()).ok() {
                    return Err(Error::SameStore(folder.path().display().to_string()));
                }
                self.copy_to(folder, name)?;
                let copied = |file| folder.file(name, file);
                let counter = self.watch.counter(crate::Stage::Read, manifest.archive.bytes);
                archive::intact(&copied(SCHEMA), name, &manifest.schema, &quiet())?;
                archive::intact(&copied(ARCHIVE), name, &manifest.archive, &counter)?;
            }
            CopyLocation::Bucket(bucket) => {
                bucket.send(&self.local, name, &self.watch).await?;
                let scratch = tempfile::tempdir_in(self.local.path()).map_err(Error::Stream)?;
                let back = Local::new(scratch.path().to_owned());
                bucket.fetch(&back, name).await?;
                archive::intact(&back.file(name, SCHEMA), name, &manifest.schema, &quiet())?;
                archive::intact(&back.file(name, ARCHIVE), name, &manifest.archive, &quiet())?;
            }
        }
        self.local.remove(name)?;
        self.tell_monitors();
        Ok(())
    }

    fn copy_to(&self, folder: &Local, name: &Name) -> Result<(), Error> {
        if folder.names()?.contains(name) {
            return Ok(()); // an earlier move was interrupted before the removal; the copy is verified again
        }
        let partial = folder.begin(name)?;
        for file in [ARCHIVE, SCHEMA, CATALOGUE, STATUS, MANIFEST] {
            let (from, to) = (self.local.file(name, file), partial.file(file));
            let copied = fs::copy(&from, &to).and_then(|_| fs::File::open(&to)?.sync_all());
            copied.map_err(|failed: io::Error| Error::file(&to)(failed))?;
        }
        partial.keep()
    }
}

fn quiet() -> Counter {
    crate::ProgressListener::default().counter(crate::Stage::Read, 0)
}
