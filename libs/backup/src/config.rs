use std::path::{Path, PathBuf};

use age::x25519;
use identity::Secret;
use kernel::{Clock, Env};
use pg_server::Binaries;
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use time::OffsetDateTime;

use crate::{
    Error, ProgressListener, Retention,
    signed::Signer,
    store::{Local, Remote},
};

/// PostgreSQL stops when its disk is full, and backups are often on the same disk.
const FREE_FLOOR_MB: u64 = 256;

/// Settings of backups: how they are made, and where they are stored.
#[derive(Clone)]
pub struct Config {
    pub(crate) local: Local,
    pub(crate) remotes: Vec<Remote>,
    pub(crate) recipients: Vec<x25519::Recipient>,
    pub(crate) identities: Vec<x25519::Identity>,
    pub(crate) signer: Signer,
    pub(crate) clock: Clock,
    pub(crate) watch: ProgressListener,
    pub(crate) jobs: usize,
    pub(crate) keep: Retention,
    /// Bytes that must stay free after a backup.
    pub(crate) free_floor: u64,
    programs: Option<PathBuf>,
}

/// Omits the keys from the output.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("local", &self.local).finish_non_exhaustive()
    }
}

impl Config {
    /// Reads `NEXO_BACKUP_STORES` (one folder, and additional `s3://bucket/prefix`), `NEXO_BACKUP_RECIPIENTS`,
    /// `NEXO_BACKUP_IDENTITY`, `NEXO_BACKUP_RETENTION`, `NEXO_BACKUP_MIN_FREE_MB`, `NEXO_SECRET`, `NEXO_STATE_DIR`
    /// and `NEXO_POSTGRES_BIN`.
    pub fn read(env: &mut Env) -> Self {
        let state = env.state_dir();
        let stores = env.string_or("NEXO_BACKUP_STORES", "");
        let (far, near): (Vec<&str>, Vec<&str>) =
            stores.split_whitespace().partition(|store| store.starts_with("s3://"));
        if near.len() > 1 {
            env.report("NEXO_BACKUP_STORES", "has more than one folder (others are s3://bucket/prefix)");
        }
        let folder = near.first().map_or_else(|| state.join("backups"), PathBuf::from);
        let recipients = env.string_or("NEXO_BACKUP_RECIPIENTS", "");
        let recipients = recipients.split([',', ' ', '\n']).filter(|text| !text.is_empty());
        let recipients: Result<Vec<x25519::Recipient>, _> = recipients.map(str::parse).collect();
        let identities = env.secret("NEXO_BACKUP_IDENTITY");
        let identities = identities.as_ref().map_or("", |text| text.expose_secret());
        let lines = identities.lines().map(str::trim);
        let identities: Result<Vec<x25519::Identity>, _> =
            lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::parse).collect();
        Self {
            local: Local::new(folder),
            remotes: far.into_iter().filter_map(|address| Remote::parse(address, env)).collect(),
            recipients: recipients.unwrap_or_else(|wrong: &str| {
                env.report(
                    "NEXO_BACKUP_RECIPIENTS",
                    format!("is no list of age recipients (age1…): {wrong}"),
                );
                Vec::new()
            }),
            identities: identities.unwrap_or_else(|wrong: &str| {
                env.report("NEXO_BACKUP_IDENTITY", format!("is no age identity (AGE-SECRET-KEY-…): {wrong}"));
                Vec::new()
            }),
            signer: Signer::new(&Secret::read(env)),
            clock: Clock::system(),
            watch: ProgressListener::default(),
            jobs: std::thread::available_parallelism().map_or(2, usize::from).min(8),
            keep: env.parsed("NEXO_BACKUP_RETENTION", Retention::default()),
            free_floor: env.parsed("NEXO_BACKUP_MIN_FREE_MB", FREE_FLOOR_MB) << 20,
            programs: env.optional("NEXO_POSTGRES_BIN").map(PathBuf::from),
        }
    }

    /// Reports progress to `watch`.
    #[must_use]
    pub fn watched(self, watch: ProgressListener) -> Self {
        Self { watch, ..self }
    }

    /// Replaces the clock, for tests.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Folder of the local store.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.local.path()
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.clock.unix_seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// Finds client programs of exactly this major release: a later `pg_dump` writes archives that this release's
    /// `pg_restore` cannot read.
    pub(crate) fn programs(&self, major: u32, purpose: &'static str) -> Result<Binaries, Error> {
        let found = match &self.programs {
            Some(folder) => Binaries::find(Some(folder)),
            None => Binaries::of_major(&major.to_string()),
        };
        let found = found.ok().filter(|found| found.major() == major.to_string());
        found
            .filter(|found| ["pg_dump", "pg_restore"].iter().all(|name| found.program(name).exists()))
            .ok_or(Error::Programs { major, purpose })
    }
}

impl Config {
    /// Finds client programs that can read an archive of this major release: of the same one, or else of a later
    /// one.
    pub(crate) fn reading_programs(&self, major: u32, purpose: &'static str) -> Result<Binaries, Error> {
        self.programs(major, purpose).or_else(|missing| {
            let found = Binaries::find(self.programs.as_deref()).ok();
            let later = |found: &Binaries| found.major().parse::<u32>().is_ok_and(|here| here > major);
            found.filter(later).ok_or(missing)
        })
    }
}

/// Release of the server, as `server_version_num`.
pub(crate) async fn server_of(conn: &mut PgConnection) -> Result<u32, sqlx::Error> {
    let (number,): (i32,) =
        sqlx::query_as("select current_setting('server_version_num')::int").fetch_one(conn).await?;
    Ok(u32::try_from(number).unwrap_or_default())
}

pub(crate) async fn ask_server(options: &PgConnectOptions) -> Result<u32, Error> {
    let mut conn = PgConnection::connect_with(options).await?;
    let server = server_of(&mut conn).await?;
    conn.close().await?;
    Ok(server)
}
