//! Backups that move to another store: an archive for years, on another disk or far away.

use std::{fs, io, path::PathBuf};

use kernel::Env;

use crate::{
    Config, Entry, Error, Name, Standing, archive,
    store::{ARCHIVE, CATALOGUE, Local, MANIFEST, Remote, SCHEMA, STATUS},
    watch::Counter,
};

/// Where a backup goes: a folder, or `s3://bucket/prefix`.
#[derive(Debug, Clone)]
pub struct Elsewhere(Place);

#[derive(Debug, Clone)]
enum Place {
    Folder(Local),
    Bucket(Remote),
}

impl Elsewhere {
    /// Reads the `AWS_…` settings for a bucket.
    pub fn read(store: &str, env: &mut Env) -> Option<Self> {
        if store.starts_with("s3://") {
            return Remote::at(store, env).map(|remote| Self(Place::Bucket(remote)));
        }
        Some(Self(Place::Folder(Local::at(PathBuf::from(store)))))
    }
}

impl Config {
    /// Copies a backup to another store, compares the copy with its hashes, and then removes it here. The newest
    /// verified one stays: it is what a restore would be made of.
    pub async fn move_to(&self, name: &Name, to: &Elsewhere) -> Result<(), Error> {
        let newest = self.backups()?.into_iter().find(|entry| entry.standing == Standing::Verified);
        if newest.is_some_and(|newest: Entry| newest.name == *name) {
            return Err(Error::StaysHere(name.clone()));
        }
        let manifest = self.intact(name).await?;
        match &to.0 {
            Place::Folder(folder) => {
                if fs::canonicalize(folder.path()).ok() == fs::canonicalize(self.local.path()).ok() {
                    return Err(Error::BadCopy(folder.path().display().to_string()));
                }
                self.copy_to(folder, name)?;
                let copied = |file| folder.file(name, file);
                let counter = self.watch.counter(crate::Stage::Read, manifest.archive.bytes);
                archive::intact(&copied(SCHEMA), name, &manifest.schema, &quiet())?;
                archive::intact(&copied(ARCHIVE), name, &manifest.archive, &counter)?;
            }
            Place::Bucket(bucket) => {
                bucket.send(&self.local, name, &self.watch).await?;
                let scratch = tempfile::tempdir_in(self.local.path()).map_err(Error::Stream)?;
                let back = Local::at(scratch.path().to_owned());
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
            return Ok(()); // an earlier try was ended between the copy and the removal; it is compared again
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
    crate::Watch::default().counter(crate::Stage::Read, 0)
}
