use std::{io, path::PathBuf};

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server to start.
    #[error(
        "PostgreSQL's server programs (postgres, initdb) were not found.\nInstall them: apt-get install postgresql; or name their folder in NEXO_POSTGRES_BIN"
    )]
    NotFound,
    /// Another process keeps the folder.
    #[error("{0} is in use by another nexo: stop that one first, or choose another folder with NEXO_STATE_DIR")]
    InUse(PathBuf),
    /// We are root, PostgreSQL must not be, and whom we would run it as cannot get there.
    #[error(
        "the user {user} cannot reach {folder}, and PostgreSQL does not run as root.\nChoose a folder that others may pass through with NEXO_STATE_DIR, such as /var/lib/nexo"
    )]
    Unreachable {
        /// The user.
        user: String,
        /// The folder.
        folder: PathBuf,
    },
    /// The folder cannot be our state folder.
    #[error(transparent)]
    State(#[from] kernel::StateError),
    /// Another process keeps a server here, which does not answer.
    #[error(
        "the PostgreSQL of the `nexo up` that runs here does not answer on port {port}: it is started again by itself, and the log of `nexo up` says how that goes"
    )]
    Away {
        /// Of 127.0.0.1.
        port: u16,
        /// What became of the last try.
        source: Box<sqlx::Error>,
    },
    /// The server ended as often as it was started again.
    #[error("PostgreSQL ended and could not be started again, {attempts} times in a row: {source}")]
    GaveUp {
        /// How often it was tried.
        attempts: u32,
        /// Why the last time failed.
        source: Box<Error>,
    },
    /// A program of PostgreSQL failed.
    #[error("{program} failed:\n{output}")]
    Program {
        /// Which.
        program: &'static str,
        /// Its last words.
        output: String,
    },
    /// The server ended, or does not answer.
    #[error("the server does not accept connections; its last words:\n{0}")]
    Silent(String),
    /// The data belong to another major version.
    #[error(
        "the data in {folder} are of PostgreSQL {kept}, the programs found are of {found}.\nInstall PostgreSQL {kept} or name it in NEXO_POSTGRES_BIN; or move the folder away to begin anew"
    )]
    OtherVersion {
        /// The data.
        folder: PathBuf,
        /// Their version.
        kept: String,
        /// The programs' version.
        found: String,
    },
    /// A file or folder.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }
}
