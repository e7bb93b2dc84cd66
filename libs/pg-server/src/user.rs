//! Selection of the operating system user that runs PostgreSQL: never root.

use std::{os::unix::fs::chown, os::unix::process::CommandExt as _, path::Path, process::Command};

use nix::unistd::{Gid, Uid, User};

use crate::Error;

/// A user of the operating system.
#[derive(Debug, Clone)]
pub(crate) struct UnprivilegedUser {
    name: String,
    uid: Uid,
    gid: Gid,
}

/// The user to run the server as, if this process is root.
pub(crate) fn unprivileged() -> Option<UnprivilegedUser> {
    if !Uid::effective().is_root() {
        return None;
    }
    let known = |name: &str| User::from_name(name).ok().flatten();
    let user = known("postgres").or_else(|| known("nobody"))?;
    Some(UnprivilegedUser { name: user.name, uid: user.uid, gid: user.gid })
}

/// Command that runs as `runner`, in its own process group: Ctrl-C in the terminal reaches this process only,
/// which stops the server after the last request.
pub(crate) fn command(program: &Path, runner: Option<&UnprivilegedUser>) -> Command {
    let mut command = Command::new(program);
    command
        .process_group(0)
        .current_dir("/")
        .env_remove("PGDATA")
        .env_remove("PGPORT")
        .env("LC_ALL", "C.UTF-8");
    if let Some(runner) = runner {
        command.uid(runner.uid.as_raw()).gid(runner.gid.as_raw());
    }
    command
}

/// Changes the owner of a file or folder to `runner`.
pub(crate) fn give(path: &Path, runner: Option<&UnprivilegedUser>) -> Result<(), Error> {
    let Some(runner) = runner else { return Ok(()) };
    chown(path, Some(runner.uid.as_raw()), Some(runner.gid.as_raw())).map_err(Error::file(path))
}

/// Fails if `runner` cannot traverse `folder`.
pub(crate) fn reaches(folder: &Path, runner: Option<&UnprivilegedUser>) -> Result<(), Error> {
    let Some(runner) = runner else { return Ok(()) };
    let passes = command(Path::new("test"), Some(runner)).arg("-x").arg(folder).status();
    if passes.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(Error::Unreachable { user: runner.name.clone(), folder: folder.to_owned() })
}
