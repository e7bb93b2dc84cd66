//! The state folder: ownership and creation.
//!
//! Everything that stores files under `NEXO_STATE_DIR` claims the folder first: a folder with foreign files is
//! rejected before anything is created in it.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use nix::unistd::{Uid, User};

/// Reason why a folder cannot be the state folder.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It contains files that are not NEXO's.
    #[error(
        "{folder} holds files that are not NEXO's (such as {found}): nothing was made there.\nName an empty folder, or one that does not exist yet, with NEXO_STATE_DIR"
    )]
    NotOurs {
        /// Path of the rejected folder.
        folder: PathBuf,
        /// Name of one of these files.
        found: String,
    },
    /// It belongs to another user, who could replace its content.
    #[error(
        "{folder} belongs to the user {owner}: nothing was made there.\nRun nexo as {owner}, or choose another folder with NEXO_STATE_DIR"
    )]
    OfAnother {
        /// Path of the rejected folder.
        folder: PathBuf,
        /// Owner: a user name, or the uid if there is no name.
        owner: String,
    },
    /// A file or folder cannot be read or created.
    #[error("{path}: {source}")]
    File {
        /// Path of the file or folder.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

fn file(path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    |source| StateError::File { path, source }
}

/// Mode that lets others traverse but not list: PostgreSQL's user must reach its own subfolder.
const PASSABLE: u32 = 0o711;

/// Content of a state folder; one of these is created before anything else.
const OURS: &[&str] = &[
    "backups",
    "keys",
    "lock",
    "postgres",
    "postgres.log",
    "postgres.port",
    "roles.password",
    "scratch",
    "superuser.password",
];

/// Files that a file system or container puts into an otherwise empty folder.
const NOBODYS: &[&str] = &["lost+found", ".gitkeep", ".gitignore", ".DS_Store"];

/// Creates the state folder, or claims an existing one: it must be empty or contain NEXO's files only, and not
/// belong to another user. Afterwards it can be traversed, whatever the umask.
///
/// # Errors
///
/// Returns [`StateError::NotOurs`] or [`StateError::OfAnother`] before anything is created, or
/// [`StateError::File`].
pub fn claim_state(home: &Path) -> Result<(), StateError> {
    if !home.exists() {
        return make_folder(home, PASSABLE);
    }
    ours(home)?;
    let mode = fs::metadata(home).map_err(file(home))?.mode() & 0o7777;
    let passable = mode | (PASSABLE & 0o111);
    if mode != passable && Uid::effective().is_root() {
        fs::set_permissions(home, Permissions::from_mode(passable)).map_err(file(home))?;
    }
    Ok(())
}

/// Creates a folder with this mode, and its missing parents with a mode that allows traversal. Modes are set
/// explicitly, because the umask would remove bits.
///
/// # Errors
///
/// Returns [`StateError::File`] if a folder cannot be created.
pub fn make_folder(path: &Path, mode: u32) -> Result<(), StateError> {
    let missing: Vec<&Path> =
        path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists()).collect();
    for folder in missing.into_iter().rev() {
        let mode = if folder == path { mode } else { PASSABLE };
        match DirBuilder::new().mode(mode).create(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            made => made.map_err(file(folder))?,
        }
        fs::set_permissions(folder, Permissions::from_mode(mode)).map_err(file(folder))?;
    }
    Ok(())
}

fn ours(home: &Path) -> Result<(), StateError> {
    let owner = fs::metadata(home).map_err(file(home))?.uid();
    if owner != Uid::effective().as_raw() && owner != 0 {
        let name = User::from_uid(Uid::from_raw(owner)).ok().flatten();
        let owner = name.map_or_else(|| owner.to_string(), |user| user.name);
        return Err(StateError::OfAnother { folder: home.to_owned(), owner });
    }
    let entries: Vec<String> = fs::read_dir(home)
        .map_err(file(home))?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    let known = |names: &[&str], entry: &String| names.contains(&entry.as_str());
    if entries.iter().any(|entry| known(OURS, entry)) {
        return Ok(());
    }
    match entries.into_iter().find(|entry| !known(NOBODYS, entry)) {
        Some(found) => Err(StateError::NotOurs { folder: PathBuf::from(home), found }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn a_folder_of_other_files_is_refused_and_stays_as_it_was() {
        let folder = empty();
        fs::write(folder.path().join("letter.txt"), "mine").unwrap();
        let refused = claim_state(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("letter.txt") && refused.contains("NEXO_STATE_DIR"), "{refused}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_empty_folder_and_one_of_ours_are_taken() {
        let folder = empty();
        claim_state(folder.path()).unwrap();
        fs::create_dir(folder.path().join("lost+found")).unwrap();
        claim_state(folder.path()).unwrap();
        fs::write(folder.path().join("lock"), "").unwrap();
        fs::write(folder.path().join("notes"), "").unwrap();
        claim_state(folder.path()).unwrap();
    }

    #[test]
    fn what_leads_to_it_may_be_passed_through() {
        let folder = empty();
        let deep = folder.path().join("a/b/state");
        claim_state(&deep).unwrap();
        for made in ["a", "a/b", "a/b/state"] {
            let mode = fs::metadata(folder.path().join(made)).unwrap().mode() & 0o777;
            assert_eq!(mode, 0o711, "{made}");
        }
    }
}
