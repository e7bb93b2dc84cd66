//! Durable files and free disk space.

use std::{fs::File, path::Path};

use nix::sys::statvfs::statvfs;

use crate::Error;

/// Free bytes on the file system of `path`, for unprivileged users.
pub(crate) fn free(path: &Path) -> Result<u64, Error> {
    let told = statvfs(path).map_err(|failed| Error::file(path)(failed.into()))?;
    Ok(told.blocks_available() as u64 * told.fragment_size() as u64)
}

/// Estimated size of a backup in bytes. Compressed it is mostly a fifth of the database.
pub(crate) fn room(database_bytes: u64) -> u64 {
    database_bytes / 2 + (16 << 20)
}

/// Fails if less than `floor` bytes would stay free after writing `needed` bytes.
pub(crate) fn insist(path: &Path, needed: u64, floor: u64) -> Result<(), Error> {
    let free = free(path)?;
    if free >= needed + floor {
        return Ok(());
    }
    Err(Error::Space {
        path: path.to_owned(),
        needed_mb: needed >> 20,
        floor_mb: floor >> 20,
        free_mb: free >> 20,
    })
}

/// Syncs a folder: a new or renamed entry is durable only after that.
pub(crate) fn sync_folder(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(Error::file(path))
}
