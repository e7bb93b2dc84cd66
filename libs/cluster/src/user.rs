//! Whom PostgreSQL runs as: never root.

use std::{os::unix::fs::chown, os::unix::process::CommandExt as _, path::Path, process::Command};

use nix::unistd::{Gid, Uid, User};

use crate::Error;

/// An account of the system.
#[derive(Debug, Clone)]
pub(crate) struct Runner {
    name: String,
    uid: Uid,
    gid: Gid,
}

/// The user to drop to, when we are root.
pub(crate) fn unprivileged() -> Option<Runner> {
    if !Uid::effective().is_root() {
        return None;
    }
    let known = |name: &str| User::from_name(name).ok().flatten();
    let user = known("postgres").or_else(|| known("nobody"))?;
    Some(Runner { name: user.name, uid: user.uid, gid: user.gid })
}

/// A command that runs as `runner`, in a process group of its own: a Ctrl-C in the terminal is for us, and we stop the
/// server after the last request.
pub(crate) fn command(program: &Path, runner: Option<&Runner>) -> Command {
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

/// Gives a file or folder to `runner`.
pub(crate) fn give(path: &Path, runner: Option<&Runner>) -> Result<(), Error> {
    let Some(runner) = runner else { return Ok(()) };
    chown(path, Some(runner.uid.as_raw()), Some(runner.gid.as_raw())).map_err(Error::file(path))
}

/// Fails when `runner` cannot pass to `folder`.
pub(crate) fn reaches(folder: &Path, runner: Option<&Runner>) -> Result<(), Error> {
    let Some(runner) = runner else { return Ok(()) };
    let passes = command(Path::new("test"), Some(runner)).arg("-x").arg(folder).status();
    if passes.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(Error::Unreachable { user: runner.name.clone(), folder: folder.to_owned() })
}
