use std::{io, path::PathBuf};

use crate::{InvalidName, Name};

/// Reason why a backup or restore failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not a valid name of a backup.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// There is no backup with this name.
    #[error("there is no backup {0}: see `nexo db backups`")]
    NoSuch(String),
    /// There is no backup at all.
    #[error("there is no backup yet: take one with `nexo db backup`")]
    None,
    /// There are backups, but `latest` matches none of them.
    #[error("`latest` means the newest backup that stands and was not taken by another command, and there is none. Name one of these:{}", lines(.0))]
    NoLatest(Vec<String>),
    /// No unused second is left for the name.
    #[error("no name is left for a backup {0} at this time: another process takes one each second")]
    NoName(String),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Path of the affected file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The stream into or out of an archive failed.
    #[error("the archive: {0}")]
    Stream(io::Error),
    /// A request to a remote store failed.
    #[error("{store}: {problem}")]
    Remote {
        /// Address of the remote store.
        store: String,
        /// Error message of the store.
        problem: String,
    },
    /// A program of PostgreSQL failed.
    #[error("{program} failed: {said}")]
    Program {
        /// Name of the failed program.
        program: &'static str,
        /// Last lines of its standard error.
        said: String,
    },
    /// The client programs are missing, or older than the server.
    #[error(
        "the programs of PostgreSQL {major} are needed here to {purpose}: install them (postgresql-client-{major}), or set NEXO_POSTGRES_BIN"
    )]
    Programs {
        /// Major release of the server.
        major: u32,
        /// Purpose for which the programs are needed.
        purpose: &'static str,
    },
    /// The role is subject to row security, so that its dump would silently lack rows.
    #[error(
        "role {0} is held back by row security: its dump would be empty. \
         Connect as nexo_backup, which has BYPASSRLS (`alter role nexo_backup bypassrls`)"
    )]
    HeldBack(String),
    /// The role lacks the privilege to read some tables.
    #[error("role {role} may not read {tables}: `nexo db roles` lets it, or `grant select on … to {role}`")]
    Unreadable {
        /// Name of the connecting role.
        role: String,
        /// Names of some of these tables.
        tables: String,
    },
    /// There is not enough free disk space.
    #[error(
        "{} has {free_mb} MB left. The backup may need {needed_mb} MB, and {floor_mb} MB are to stay free \
         (NEXO_BACKUP_MIN_FREE_MB): no backup was removed for it. Make room (`nexo db prune`, `nexo db databases`, \
         `nexo db backups move`), or choose another folder with NEXO_BACKUP_STORES",
        path.display()
    )]
    Space {
        /// Folder in which backups are stored.
        path: PathBuf,
        /// Estimated size of the backup in MB.
        needed_mb: u64,
        /// Free space to preserve in MB.
        floor_mb: u64,
        /// Free space at present in MB.
        free_mb: u64,
    },
    /// No local store is configured.
    #[error("no store is configured: set NEXO_BACKUP_STORES to a folder")]
    NoStore,
    /// The archive or the manifest is damaged.
    #[error("backup {name} cannot be used: {what}. Nothing was run from it")]
    Damaged {
        /// Name of the affected backup.
        name: Name,
        /// Description of the damage.
        what: String,
    },
    /// The manifest has the format of a later release.
    #[error("backup {0} was made by a later release of NEXO: use that release")]
    Later(Name),
    /// The backup is encrypted, and no configured identity can decrypt it.
    #[error(
        "backup {name} is encrypted for {recipients}: set NEXO_BACKUP_IDENTITY_FILE to a file with one of their identities (AGE-SECRET-KEY-…)"
    )]
    NoKey {
        /// Name of the affected backup.
        name: Name,
        /// Recipients that can decrypt it.
        recipients: String,
    },
    /// The setting contains an invalid age key.
    #[error("{0} is no age key")]
    Key(&'static str),
    /// The server lacks roles, extensions or features that the backup needs.
    #[error("the server cannot take this backup: {}. Nothing was made", .0.join("; "))]
    Lacks(Vec<String>),
    /// The restored data differ from the manifest.
    #[error("what came out of {name} is not what went in:{}", lines(.differences))]
    Differs {
        /// Name of the affected backup.
        name: Name,
        /// Description of each difference.
        differences: Vec<String>,
    },
    /// A migration is running and would be blocked.
    #[error("a migration runs ({0}): a backup would make it wait. Try again when it is done")]
    Busy(migrate::LockHolder),
    /// Another command holds the exclusive lock on the database.
    #[error(
        "another command has the database to itself ({0}): try again when it is done. Nothing was changed"
    )]
    Restoring(migrate::LockHolder),
    /// A migration or backup is running, which this command would abort.
    #[error(
        "a migration or a backup runs ({0}), and this would end it: try again when it is done. Nothing was changed"
    )]
    AtWork(migrate::LockHolder),
    /// Sessions exist that this role cannot terminate.
    #[error(
        "{database} is still in use, and these sessions cannot be ended: {sessions}. Nothing was changed"
    )]
    InUse {
        /// Name of the database in use.
        database: String,
        /// Description of these sessions.
        sessions: String,
    },
    /// There is no database from before a restore to return to.
    #[error(
        "there is no database from before a restore of {0}: nothing to undo. `nexo db backups` lists the backups"
    )]
    NothingToUndo(String),
    /// A database of the wanted name exists.
    #[error(
        "there is a database {0} already: choose another name, or drop it first (`nexo db databases --drop {0}`). \
         Nothing was done"
    )]
    Taken(String),
    /// The target of a move is the store that the backup is in.
    #[error("{0} is the store that the backup is in: name another one")]
    SameStore(String),
    /// No kept database has this name.
    #[error("there is no database {0} that a restore has kept: see `nexo db databases`")]
    NotKept(String),
    /// The database has active sessions.
    #[error("database {0} has sessions: end them first. Nothing was changed")]
    HasSessions(String),
    /// The newest verified backup cannot be moved away.
    #[error(
        "{0} is the newest verified backup here: it stays. Verify a newer one first (`nexo db verify NAME --restore`)"
    )]
    StaysHere(Name),
    /// The copy differs from the original.
    #[error("what is in {0} is not what was copied: the backup stays where it was")]
    BadCopy(String),
    /// The target file exists already.
    #[error("{} is there already: choose another name, or give --overwrite", path.display())]
    There {
        /// Path of the affected file.
        path: PathBuf,
    },
    /// The path is not a regular file, but for example a device or folder.
    #[error("{} is no file: nothing was written", path.display())]
    NoFile {
        /// Path that the caller gave.
        path: PathBuf,
    },
    /// A setting has an invalid cron expression.
    #[error("{name}: {problem}")]
    Schedule {
        /// Name of the invalid setting.
        name: &'static str,
        /// Description of the error.
        problem: String,
    },
    /// There is no account with this slug or id.
    #[error("there is no account {0}: give its slug or its id")]
    NoAccount(String),
    /// The archive of an account cannot be used.
    #[error("{} cannot be used: {what}. Nothing was done", path.display())]
    Archive {
        /// Path of the archive file.
        path: PathBuf,
        /// Description of the problem.
        what: String,
    },
    /// The archive was written at another schema version.
    #[error(
        "the archive is of schema {archive}, and this database is at {here}: bring both to one release first"
    )]
    OtherSchema {
        /// Schema version of the archive.
        archive: String,
        /// Schema version of the database.
        here: String,
    },
    /// A migration of the restored database failed.
    #[error(transparent)]
    Migrate(#[from] migrate::Error),
    /// An ephemeral server could not be started.
    #[error(transparent)]
    Cluster(#[from] pg_server::Error),
    /// The manifest could not be serialized.
    #[error("the manifest cannot be written")]
    Json(#[from] serde_json::Error),
    /// A statement failed, or the database cannot be reached.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// A background task was cancelled or panicked.
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
