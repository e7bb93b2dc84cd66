use std::{io, path::PathBuf};

/// Reason why a server cannot be started or reached.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server programs were found.
    #[error(
        "PostgreSQL's server programs (postgres, initdb) were not found.\nInstall them: apt-get install postgresql; or name their folder in NEXO_POSTGRES_BIN"
    )]
    NotFound,
    /// Another process has locked the folder.
    #[error(
        "{0} is in use by another nexo: stop that one first, or choose another folder with NEXO_STATE_DIR"
    )]
    InUse(PathBuf),
    /// This process is root, PostgreSQL refuses to be, and its user cannot access the folder.
    #[error(
        "the user {user} cannot reach {folder}, and PostgreSQL does not run as root.\nChoose a folder that others may pass through with NEXO_STATE_DIR, such as /var/lib/nexo"
    )]
    Unreachable {
        /// Name of the user that runs the server.
        user: String,
        /// Folder that it cannot access.
        folder: PathBuf,
    },
    /// The folder cannot be used as the state folder.
    #[error(transparent)]
    State(#[from] kernel::StateError),
    /// Another process runs a server here, which does not respond.
    #[error(
        "the PostgreSQL of the `nexo up` that runs here does not answer on port {port}: it is started again by itself, and the log of `nexo up` says how that goes"
    )]
    Away {
        /// Port of the server on 127.0.0.1.
        port: u16,
        /// Error of the last attempt to connect.
        source: Box<sqlx::Error>,
    },
    /// The server ended, and all attempts to restart it failed.
    #[error("PostgreSQL ended and could not be started again, {attempts} times in a row: {source}")]
    GaveUp {
        /// Number of attempts to start it.
        attempts: u32,
        /// Error of the last attempt.
        source: Box<Error>,
    },
    /// A program of PostgreSQL failed.
    #[error("{program} failed:\n{output}")]
    Program {
        /// Name of the failed program.
        program: &'static str,
        /// Last lines of its output.
        output: String,
    },
    /// The server ended, or does not respond.
    #[error("the server does not accept connections; its last words:\n{0}")]
    Silent(String),
    /// The data folder belongs to another major version.
    #[error(
        "the data in {folder} are of PostgreSQL {kept}, the programs found are of {found}.\nInstall PostgreSQL {kept} or name it in NEXO_POSTGRES_BIN; or move the folder away to begin anew"
    )]
    OtherVersion {
        /// Path of the data folder.
        folder: PathBuf,
        /// Version of the data folder.
        kept: String,
        /// Major version of the programs.
        found: String,
    },
    /// A file or folder could not be accessed.
    #[error("{path}: {source}")]
    File {
        /// Path of the file or folder.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }
}
