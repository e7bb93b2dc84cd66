//! Creation of a backup.

use std::{io::Read, path::PathBuf, process::Stdio, time::Instant};

use pg_server::Binaries;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};

use crate::{
    Archive, Config, Error, Manifest, Origin, ProgressListener, Provenance, Stage, Status, Table, archive,
    disk,
    libpq::{self, Running},
    manifest::{FORMAT, HashedColumns},
    signed::purpose,
    source::Source,
    store::{ARCHIVE, CATALOGUE, MANIFEST, SCHEMA, STATUS},
    tables,
    watch::{Counter, millis},
};

/// Parameters of a new backup.
#[derive(Debug, Clone)]
pub struct BackupRequest {
    /// Label after the timestamp in its name.
    pub label: String,
    /// Person or command that requests the backup.
    pub actor: String,
    /// Purpose of the backup, which determines its retention.
    pub origin: Origin,
    /// Reason to pin the backup, so that retention never removes it.
    pub pinned: Option<String>,
    /// Whether retention may remove it although it has a label chosen by a person.
    pub released: bool,
    /// Whether the caller holds the locks of a migration.
    pub migrating: bool,
}

impl BackupRequest {
    /// Creates a request whose label determines the origin.
    #[must_use]
    pub fn new(label: &str, actor: &str) -> Self {
        Self {
            label: label.to_owned(),
            actor: actor.to_owned(),
            origin: Origin::of_label(label),
            pinned: None,
            released: false,
            migrating: false,
        }
    }

    /// Creates a request for a backup that a command takes before it changes the database.
    #[must_use]
    pub fn of_command(label: &str, actor: &str) -> Self {
        Self { origin: Origin::Command, ..Self::new(label, actor) }
    }
}

/// A backup in the local store.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredBackup {
    /// Manifest of the backup.
    pub manifest: Manifest,
    /// Errors of remote stores that the backup could not be copied to.
    pub unsent: Vec<String>,
}

impl std::ops::Deref for StoredBackup {
    type Target = Manifest;

    fn deref(&self) -> &Manifest {
        &self.manifest
    }
}

impl Config {
    /// Takes a backup of `database`, as a role that bypasses row security. On return it is complete and synced to
    /// disk; its name appears only then. If a remote store fails, the backup still exists locally.
    pub async fn backup(
        &self,
        database: &PgConnectOptions,
        order: &BackupRequest,
    ) -> Result<StoredBackup, Error> {
        let manifest = Box::pin(self.store(database, order)).await?;
        let mut unsent = Vec::new();
        for remote in &self.remotes {
            if let Err(failed) = Box::pin(remote.send(&self.local, &manifest.name, &self.watch)).await {
                tracing::warn!(error = %failed, backup = %manifest.name, "not copied; it is here alone");
                unsent.push(failed.to_string());
            }
        }
        self.tell_monitors();
        Ok(StoredBackup { manifest, unsent })
    }

    async fn store(&self, database: &PgConnectOptions, order: &BackupRequest) -> Result<Manifest, Error> {
        let begun = Instant::now();
        self.local.prepare()?;
        self.local.sweep()?;
        migrate::refuse_pooler(database).await?; // a dump uses a snapshot exported by another session
        let source = Source::open(database, !order.migrating).await?;
        let at = self.now();
        let programs = self.programs(source.server / 10_000, "dump this database")?;
        let size = u64::try_from(source.facts.bytes).unwrap_or_default();
        self.insist_room(size)?;
        let partial = self.local.reserve(at, &order.label)?;
        let dump = |more| Dump::start(&programs, database, &source.snapshot, more);
        let quiet = ProgressListener::default().counter(Stage::Dump, 0);
        let (archive, schema, tables, things) = tokio::try_join!(
            self.pack(dump(&[])?, partial.file(ARCHIVE), self.watch.counter(Stage::Dump, size)),
            self.pack(dump(&["--schema-only"])?, partial.file(SCHEMA), quiet),
            measure(database, &source),
            async { Ok(migrate::objects(database).await?) },
        )?;
        let manifest = Manifest {
            format: FORMAT,
            name: partial.name().clone(),
            made: Provenance {
                at,
                took_ms: millis(begun),
                actor: order.actor.clone(),
                origin: Some(order.origin),
                nexo: env!("CARGO_PKG_VERSION").to_owned(),
                server: source.server,
                database: source.facts.database.clone(),
                encoding: source.facts.encoding.clone(),
                collate: source.facts.collate.clone(),
                ctype: source.facts.ctype.clone(),
                database_bytes: size,
            },
            archive,
            schema,
            schema_version: source.schema_version.clone(),
            fingerprint: migrate::fingerprint(&things),
            roles: source.roles.clone(),
            extensions: source.extensions.clone(),
            tables,
        };
        source.close().await?;
        let status = Status { pinned: order.pinned.clone(), released: order.released, ..Status::default() };
        partial.write(CATALOGUE, &self.signer.sign(&purpose(CATALOGUE, &manifest.name), &things)?)?;
        partial.write(STATUS, &self.signer.sign(&purpose(STATUS, &manifest.name), &status)?)?;
        partial.write(MANIFEST, &self.signer.sign(&purpose(MANIFEST, &manifest.name), &manifest)?)?;
        partial.keep()?;
        Ok(manifest)
    }

    /// Refuses a backup that would leave less free space than the floor; the database is often on the same disk.
    fn insist_room(&self, database_bytes: u64) -> Result<(), Error> {
        disk::insist(self.local.path(), disk::room(database_bytes), self.free_floor)
    }

    /// Packs a dump. The exit status of `pg_dump` decides: the archive of a killed dump looks complete.
    async fn pack(&self, mut dump: Dump, path: PathBuf, counter: Counter) -> Result<Archive, Error> {
        let recipients = self.recipients.clone();
        let out = dump.output()?;
        let packed = tokio::task::spawn_blocking(move || archive::pack(out, &path, &recipients, &counter));
        let packed = packed.await.map_err(|_| Error::Ended)?;
        if packed.is_err() {
            drop(dump); // otherwise it would only report a broken pipe
            return packed;
        }
        tokio::task::spawn_blocking(move || dump.0.finish()).await.map_err(|_| Error::Ended)??;
        packed
    }
}

struct Dump(Running);

impl Dump {
    fn start(
        programs: &Binaries,
        database: &PgConnectOptions,
        snapshot: &str,
        more: &[&str],
    ) -> Result<Self, Error> {
        let mut command = libpq::program(programs, "pg_dump", database);
        command.args(["--format=custom", "--compress=0", "--no-password", "--snapshot", snapshot]).args(more);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Ok(Self(Running::start(command, "pg_dump")?))
    }

    fn output(&mut self) -> Result<impl Read + Send + 'static, Error> {
        self.0.child().stdout.take().ok_or(Error::Ended)
    }
}

/// Counts and hashes every table in the snapshot of the dump.
async fn measure(database: &PgConnectOptions, source: &Source) -> Result<Vec<Table>, Error> {
    let mut conn = PgConnection::connect_with(&tables::reader(database, "nexo-backup tables")).await?;
    conn.execute("begin isolation level repeatable read, read only").await?;
    conn.execute(AssertSqlSafe(format!("set transaction snapshot '{}'", source.snapshot))).await?;
    let quiet = ProgressListener::default().counter(Stage::Compare, 0);
    let measured =
        tables::measure_all(&mut conn, &source.tables, HashedColumns::WrittenColumns, &quiet).await?;
    conn.execute("commit").await?;
    conn.close().await?;
    Ok(measured)
}
