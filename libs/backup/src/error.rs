use std::{io, path::PathBuf};

use crate::Name;

/// Why there is no backup, or no restore.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not what a backup is called.
    #[error(
        "`{0}` is no name of a backup (such as 20260203T040506Z_daily; a label has a-z, 0-9 and -): see `nexo db backups`"
    )]
    Name(String),
    /// Nobody has made it.
    #[error("there is no backup {0}: see `nexo db backups`")]
    NoSuch(String),
    /// Nobody has made any.
    #[error("there is no backup yet: take one with `nexo db backup`")]
    None,
    /// There are backups, and `latest` means none of them.
    #[error("`latest` means the newest backup that stands and was not taken by another command, and there is none. Name one of these:{}", lines(.0))]
    NoLatest(Vec<String>),
    /// No second is left to name it by.
    #[error("no name is left for a backup {0} at this time: another process takes one each second")]
    NoName(String),
    /// A file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The stream into or out of an archive.
    #[error("the archive: {0}")]
    Stream(io::Error),
    /// The store far away.
    #[error("{store}: {problem}")]
    Remote {
        /// Which.
        store: String,
        /// What it said.
        problem: String,
    },
    /// A program of PostgreSQL.
    #[error("{program} failed: {said}")]
    Program {
        /// Which.
        program: &'static str,
        /// Its last words.
        said: String,
    },
    /// The programs are missing, or older than the server.
    #[error(
        "the programs of PostgreSQL {major} are needed here to {purpose}: install them (postgresql-client-{major}), or set NEXO_POSTGRES_BIN"
    )]
    Programs {
        /// The server's major release.
        major: u32,
        /// What for.
        purpose: &'static str,
    },
    /// A role that would see nothing, without an error.
    #[error(
        "role {0} is held back by row security: its dump would be empty. \
         Connect as nexo_backup, which has BYPASSRLS (`alter role nexo_backup bypassrls`)"
    )]
    HeldBack(String),
    /// Tables that the role may not read.
    #[error("role {role} may not read {tables}: `nexo db roles` lets it, or `grant select on … to {role}`")]
    Unreadable {
        /// The role.
        role: String,
        /// Some of them.
        tables: String,
    },
    /// Not enough space.
    #[error(
        "{} has {free_mb} MB left. The backup may need {needed_mb} MB, and {floor_mb} MB are to stay free \
         (NEXO_BACKUP_MIN_FREE_MB): no backup was removed for it. Make room (`nexo db prune`, `nexo db databases`, \
         `nexo db backups move`), or choose another folder with NEXO_BACKUP_STORES",
        path.display()
    )]
    Space {
        /// Where.
        path: PathBuf,
        /// What may be needed.
        needed_mb: u64,
        /// What is to be left after it.
        floor_mb: u64,
        /// What is there.
        free_mb: u64,
    },
    /// Nowhere to put it.
    #[error("no store is configured: set NEXO_BACKUP_STORES to a folder")]
    NoStore,
    /// The archive or the manifest is not as it was written.
    #[error("backup {name} cannot be used: {what}. Nothing was run from it")]
    Damaged {
        /// Which.
        name: Name,
        /// What is wrong.
        what: String,
    },
    /// A manifest of a later release.
    #[error("backup {0} was made by a later release of NEXO: use that release")]
    Later(Name),
    /// It is encrypted, and nobody gave a key that opens it.
    #[error(
        "backup {name} is encrypted for {recipients}: set NEXO_BACKUP_IDENTITY_FILE to a file with one of their identities (AGE-SECRET-KEY-…)"
    )]
    NoKey {
        /// Which.
        name: Name,
        /// Who can open it.
        recipients: String,
    },
    /// A key that is none.
    #[error("{0} is no age key")]
    Key(&'static str),
    /// What the server lacks.
    #[error("the server cannot take this backup: {}. Nothing was made", .0.join("; "))]
    Lacks(Vec<String>),
    /// What came out is not what went in.
    #[error("what came out of {name} is not what went in:{}", lines(.differences))]
    Differs {
        /// Which backup.
        name: Name,
        /// Each difference.
        differences: Vec<String>,
    },
    /// A migration runs.
    #[error("a migration runs ({0}): a backup would make it wait. Try again when it is done")]
    Busy(migrate::Holder),
    /// Another command has the database to itself.
    #[error(
        "another command has the database to itself ({0}): try again when it is done. Nothing was changed"
    )]
    Restoring(migrate::Holder),
    /// Somebody migrates or backs up.
    #[error(
        "a migration or a backup runs ({0}), and this would end it: try again when it is done. Nothing was changed"
    )]
    AtWork(migrate::Holder),
    /// Sessions that cannot be ended.
    #[error(
        "{database} is still in use, and these sessions cannot be ended: {sessions}. Nothing was changed"
    )]
    InUse {
        /// The database.
        database: String,
        /// Who.
        sessions: String,
    },
    /// There is no way back from a restore.
    #[error(
        "there is no database from before a restore of {0}: nothing to undo. `nexo db backups` lists the backups"
    )]
    NothingToUndo(String),
    /// No such database beside the live one.
    #[error("there is no database {0} that a restore has kept: see `nexo db databases`")]
    NotKept(String),
    /// A database that somebody uses.
    #[error("database {0} has sessions: end them first. Nothing was changed")]
    HasSessions(String),
    /// It would be the last of its kind here.
    #[error(
        "{0} is the newest verified backup here: it stays. Verify a newer one first (`nexo db verify NAME --restore`)"
    )]
    StaysHere(Name),
    /// A copy that is not what was copied.
    #[error("what is in {0} is not what was copied: the backup stays where it was")]
    BadCopy(String),
    /// A file that is there already.
    #[error("{} is there already: choose another name, or give --overwrite", path.display())]
    There {
        /// Which.
        path: PathBuf,
    },
    /// A device, a folder, a socket.
    #[error("{} is no file: nothing was written", path.display())]
    NoFile {
        /// Which.
        path: PathBuf,
    },
    /// A cron expression.
    #[error("{name}: {problem}")]
    Schedule {
        /// The setting.
        name: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// Nobody by this name.
    #[error("there is no account {0}: give its slug or its id")]
    NoAccount(String),
    /// An archive of an account that cannot be used.
    #[error("{} cannot be used: {what}. Nothing was done", path.display())]
    Archive {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// An archive of another release.
    #[error(
        "the archive is of schema {archive}, and this database is at {here}: bring both to one release first"
    )]
    OtherSchema {
        /// That of the archive.
        archive: String,
        /// That of the database.
        here: String,
    },
    /// Migrations of what was restored.
    #[error(transparent)]
    Migrate(#[from] migrate::Error),
    /// A throw-away server.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The manifest.
    #[error("the manifest cannot be written")]
    Json(#[from] serde_json::Error),
    /// The database.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// A task was ended.
    #[error("it was ended")]
    Ended,
}

impl Error {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }
}

fn lines(differences: &[String]) -> String {
    differences.iter().take(20).map(|difference| format!("\n  {difference}")).collect()
}
