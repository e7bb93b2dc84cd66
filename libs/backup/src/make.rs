//! Takes a backup.

use std::{io::Read, path::PathBuf, process::Stdio, time::Instant};

use cluster::Binaries;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};

use crate::{
    Archive, Config, Error, Made, Manifest, Name, Origin, Stage, Status, Table, Watch, archive, disk,
    libpq::{self, Running},
    manifest::FORMAT,
    source::Source,
    store::{ARCHIVE, CATALOGUE, MANIFEST, SCHEMA, STATUS},
    tables::{self, Hashed},
    watch::Counter,
};

/// What backup is wanted.
#[derive(Debug, Clone)]
pub struct Order {
    /// What stands behind the time in its name.
    pub label: String,
    /// Who asks for it.
    pub actor: String,
    /// What it is for.
    pub origin: Origin,
    /// Why it is never to be removed.
    pub pinned: Option<String>,
    /// Whether retention may remove it although a person named it.
    pub released: bool,
    /// Whether the caller holds the locks of a migration.
    pub migrating: bool,
}

impl Order {
    /// One whose label tells what it is for.
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

    /// One that a command takes as its way back.
    #[must_use]
    pub fn of_command(label: &str, actor: &str) -> Self {
        Self { origin: Origin::Command, ..Self::new(label, actor) }
    }
}

/// A backup that is here.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// What it holds.
    pub manifest: Manifest,
    /// Why it is not in other stores as well.
    pub unsent: Vec<String>,
}

impl std::ops::Deref for Stored {
    type Target = Manifest;

    fn deref(&self) -> &Manifest {
        &self.manifest
    }
}

impl Config {
    /// Takes a backup of `database`, connected as a role that row security does not hold back. It is whole and on the disk
    /// when this returns; until then nothing has its name. A store far away that does not take it leaves it here.
    pub async fn backup(&self, database: &PgConnectOptions, order: &Order) -> Result<Stored, Error> {
        let manifest = Box::pin(self.store(database, order)).await?;
        let mut unsent = Vec::new();
        for remote in &self.remotes {
            if let Err(failed) = Box::pin(remote.send(&self.local, &manifest.name, &self.watch)).await {
                tracing::warn!(error = %failed, backup = %manifest.name, "not copied; it is here alone");
                unsent.push(failed.to_string());
            }
        }
        self.tell_monitors();
        Ok(Stored { manifest, unsent })
    }

    async fn store(&self, database: &PgConnectOptions, order: &Order) -> Result<Manifest, Error> {
        let begun = Instant::now();
        self.local.prepare()?;
        self.local.sweep()?;
        migrate::refuse_pooler(database).await?; // a dump reads a snapshot that a session exports
        let source = Source::open(database, !order.migrating).await?;
        let at = self.now();
        let programs = self.programs(source.server / 10_000, "dump this database")?;
        let size = u64::try_from(source.facts.bytes).unwrap_or_default();
        self.insist_room(size)?;
        let partial = self.local.reserve(at, &order.label)?;
        let dump = |more| Dump::start(&programs, database, &source.snapshot, more);
        let quiet = Watch::default().counter(Stage::Dump, 0);
        let (archive, schema, tables, things) = tokio::try_join!(
            self.pack(dump(&[])?, partial.file(ARCHIVE), self.watch.counter(Stage::Dump, size)),
            self.pack(dump(&["--schema-only"])?, partial.file(SCHEMA), quiet),
            measure(database, &source),
            async { Ok(migrate::things(database).await?) },
        )?;
        let manifest = Manifest {
            format: FORMAT,
            name: partial.name().clone(),
            made: Made {
                at,
                took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
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

    /// A backup that would leave less than the floor is refused: the disk is often that of the database as well.
    fn insist_room(&self, database_bytes: u64) -> Result<(), Error> {
        disk::insist(self.local.path(), room(database_bytes), self.free_floor)
    }

    /// The dump's end decides: an archive of a dump that was killed looks whole.
    async fn pack(&self, mut dump: Dump, path: PathBuf, counter: Counter) -> Result<Archive, Error> {
        let recipients = self.recipients.clone();
        let out = dump.output()?;
        let packed = tokio::task::spawn_blocking(move || archive::pack(out, &path, &recipients, &counter));
        let packed = packed.await.map_err(|_| Error::Ended)?;
        if packed.is_err() {
            drop(dump); // it would only tell that nobody listens
            return packed;
        }
        tokio::task::spawn_blocking(move || dump.0.finish()).await.map_err(|_| Error::Ended)??;
        packed
    }
}

/// What a backup of a database of so many bytes may need. Compressed it is a fifth, mostly.
pub(crate) fn room(database_bytes: u64) -> u64 {
    database_bytes / 2 + (16 << 20)
}

/// What a signed file is about, so that one cannot stand in for another.
pub(crate) fn purpose(file: &str, name: &Name) -> String {
    format!("{file} of {name}")
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

/// Every table in the snapshot that is dumped.
async fn measure(database: &PgConnectOptions, source: &Source) -> Result<Vec<Table>, Error> {
    let mut conn = PgConnection::connect_with(&tables::reader(database, "nexo-backup tables")).await?;
    conn.execute("begin isolation level repeatable read, read only").await?;
    conn.execute(AssertSqlSafe(format!("set transaction snapshot '{}'", source.snapshot))).await?;
    let quiet = Watch::default().counter(Stage::Compare, 0);
    let measured = tables::measure_all(&mut conn, &source.tables, Hashed::WrittenColumns, &quiet).await?;
    conn.execute("commit").await?;
    conn.close().await?;
    Ok(measured)
}
