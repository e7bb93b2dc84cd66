//! The state folder: whose it is, and how it is made.
//!
//! Everything that keeps something under `NEXO_STATE_DIR` claims the folder first: what holds other people's files is refused
//! before anything is made in it.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use nix::unistd::{Uid, User};

/// Why a folder cannot be the state folder.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It holds something else than a state of NEXO.
    #[error(
        "{folder} holds files that are not NEXO's (such as {found}): nothing was made there.\nName an empty folder, or one that does not exist yet, with NEXO_STATE_DIR"
    )]
    NotOurs {
        /// The folder.
        folder: PathBuf,
        /// One of the files.
        found: String,
    },
    /// It belongs to another user, who could exchange what is in it.
    #[error(
        "{folder} belongs to the user {owner}: nothing was made there.\nRun nexo as {owner}, or choose another folder with NEXO_STATE_DIR"
    )]
    OfAnother {
        /// The folder.
        folder: PathBuf,
        /// Whose it is: a name, or a number where there is no name.
        owner: String,
    },
    /// A file or folder cannot be read or made.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
}

fn file(path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    |source| StateError::File { path, source }
}

/// Others may pass through, and see nothing: PostgreSQL's user has to reach its own folder below.
const PASSABLE: u32 = 0o711;

/// What a state folder of ours holds; each of them is made before anything else could be.
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

/// What a file system or a container puts into a folder that is empty otherwise.
const NOBODYS: &[&str] = &["lost+found", ".gitkeep", ".gitignore", ".DS_Store"];

/// Makes the state folder, or takes the one that is there if it is ours: empty, or with what NEXO keeps in it, and not
/// another user's. It may be passed through afterwards, whatever the umask says.
///
/// # Errors
///
/// [`StateError::NotOurs`] and [`StateError::OfAnother`], and then nothing was made; [`StateError::File`].
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

/// Makes a folder of this mode, and those that lead to it, which may be passed through. Modes are set and not only asked
/// for: the umask would take bits away.
///
/// # Errors
///
/// [`StateError::File`].
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
