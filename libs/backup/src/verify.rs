//! Whether a backup is what it was, and whether a database comes out of it.

use std::time::Instant;

use ::db::Passwords;
use cluster::Cluster;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use time::OffsetDateTime;

use crate::{
    Config, Drill, Error, Manifest, Name, Stage, Status, Watch, archive,
    libpq::{self, Running},
    restore::{self, Unpacked},
    store::{ARCHIVE, Failed, Passed, SCHEMA},
};

/// How deep a verification goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The manifest is signed by us, and the archive has the length and SHA-256 that it tells.
    Hashes,
    /// It can be decrypted and decompressed, and `pg_restore` reads all of it.
    Archive,
    /// A database was made from it, and every table, policy and grant is as it was.
    Restored,
}

/// What a verification has shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// Which backup.
    pub name: Name,
    /// How deep it went.
    pub level: Level,
    /// Tables that were compared.
    pub tables: usize,
    /// Rows that were compared.
    pub rows: i64,
    /// How long it took.
    pub took_ms: u64,
}

const DATABASE: &str = "restored";
const PASSWORD: &str = "throw-away";

/// A drill's server keeps what it is told, as the one would that must be recovered.
const HONEST: &[&str] = &["fsync=on", "full_page_writes=on", "synchronous_commit=on"];

impl Config {
    /// Verifies a backup, and notes the outcome beside it.
    pub async fn verify(&self, name: &Name, level: Level) -> Result<Proof, Error> {
        let begun = Instant::now();
        let tried = Box::pin(self.try_it(name, level)).await;
        let at = self.now();
        match &tried {
            Ok(_) => self.note(name, |status| passed(status, at, level)).await?,
            Err(refused) => self.note_failure(name, refused, level).await,
        }
        let manifest = tried?;
        let compared = level == Level::Restored;
        Ok(Proof {
            name: name.clone(),
            level,
            tables: if compared { manifest.tables.len() } else { 0 },
            rows: if compared { manifest.rows() } else { 0 },
            took_ms: millis(begun),
        })
    }

    /// Notes what says that a backup is bad. That we could not try says nothing about it.
    pub(crate) async fn note_failure(&self, name: &Name, refused: &Error, tried: Level) {
        let level = match refused {
            Error::Damaged { .. } => tried.min(Level::Archive),
            Error::Differs { .. } => Level::Restored,
            _ => return,
        };
        let failure = Failed { at: self.now(), why: refused.to_string(), level: Some(level) };
        if let Err(failed) = self.note(name, |status| status.failed = Some(failure)).await {
            tracing::warn!(error = %failed, backup = %name, "that it failed could not be noted beside it");
        }
    }

    async fn try_it(&self, name: &Name, level: Level) -> Result<Manifest, Error> {
        let manifest = self.intact(name).await?;
        match level {
            Level::Hashes => {}
            Level::Archive => self.readable(&manifest).await?,
            Level::Restored => self.restorable(&manifest, &[]).await?,
        }
        Ok(manifest)
    }

    /// Level 1.
    pub(crate) async fn intact(&self, name: &Name) -> Result<Manifest, Error> {
        let manifest = self.manifest(name)?;
        self.catalogue(name)?;
        let counter = self.watch.counter(Stage::Read, manifest.archive.bytes);
        let (archive, schema) = (self.local.file(name, ARCHIVE), self.local.file(name, SCHEMA));
        tokio::task::spawn_blocking(move || {
            archive::intact(
                &schema,
                &manifest.name,
                &manifest.schema,
                &Watch::default().counter(Stage::Read, 0),
            )?;
            archive::intact(&archive, &manifest.name, &manifest.archive, &counter)?;
            Ok(manifest)
        })
        .await
        .map_err(|_| Error::Ended)?
    }

    /// Level 2: `pg_restore` writes all of it as SQL, to nowhere.
    async fn readable(&self, manifest: &Manifest) -> Result<(), Error> {
        let programs = self.reading_programs(manifest.major(), "read this backup")?;
        let mut command = libpq::program(&programs, "pg_restore", &PgConnectOptions::new_without_pgpass());
        command.args(["--file=/dev/null"]).stdin(std::process::Stdio::piped());
        let mut reader = Running::start(command, "pg_restore")?;
        let mut into = reader.child().stdin.take().ok_or(Error::Ended)?;
        let (path, manifest, identities) =
            (self.local.file(&manifest.name, ARCHIVE), manifest.clone(), self.identities.clone());
        let counter = self.watch.counter(Stage::Unpack, manifest.archive.plain_bytes);
        tokio::task::spawn_blocking(move || {
            let unpacked =
                archive::unpack(&path, &manifest.name, &manifest.archive, &identities, &mut into, &counter);
            drop(into);
            if let Err(refused @ (Error::Damaged { .. } | Error::NoKey { .. })) = unpacked {
                return Err(refused);
            }
            reader.finish().map_err(|refused| Error::Damaged {
                name: manifest.name.clone(),
                what: refused.to_string(),
            })?;
            unpacked
        })
        .await
        .map_err(|_| Error::Ended)?
    }

    /// Level 3, on a server of its own.
    async fn restorable(&self, manifest: &Manifest, settings: &[&str]) -> Result<(), Error> {
        let programs = self.reading_programs(manifest.major(), "try this backup")?;
        let unpacked = Unpacked::of(self, manifest).await?;
        let cluster = Cluster::throw_away(programs, settings).await?;
        let passwords = Passwords::same(&PASSWORD.to_owned().into());
        ::db::prepare_cluster(&cluster.superuser("postgres"), DATABASE, &passwords).await?;
        let superuser = cluster.superuser(DATABASE);
        restore::lacks(&superuser, manifest).await?;
        restore::load(self, &unpacked, manifest, &superuser).await?;
        restore::compare(self, manifest, &superuser).await?;
        smoke(manifest, &superuser, &cluster.role("nexo_app", PASSWORD, DATABASE)).await?;
        Ok(())
    }

    /// Restores the newest backup on a server of its own, and notes how long that took.
    pub async fn drill(&self) -> Result<(Name, Drill), Error> {
        let name = self.bring("latest").await?;
        let begun = Instant::now();
        let tried = Box::pin(async {
            let manifest = self.intact(&name).await?;
            self.restorable(&manifest, HONEST).await?;
            Ok(manifest)
        });
        let tried = tried.await;
        let at = self.now();
        if let Err(refused) = &tried {
            self.note_failure(&name, refused, Level::Restored).await;
        }
        let manifest = tried?;
        let age_seconds = (at - manifest.made.at).whole_seconds();
        let drill = Drill { at, recovery_ms: millis(begun), age_seconds };
        self.note(&name, |status| {
            status.verified = Some(Passed { at, level: Level::Restored });
            (status.failed, status.drill) = (None, Some(drill.clone()));
        })
        .await?;
        Ok((name, drill))
    }
}

/// The deepest that it has passed since it failed last. A failure goes with a verification that would have seen it.
fn passed(status: &mut Status, at: OffsetDateTime, level: Level) {
    let seen_by = status.failed.as_ref().map(|failed| failed.level.unwrap_or(Level::Restored));
    if seen_by.is_some_and(|seen_by| level < seen_by) {
        return;
    }
    let before = status.verified.as_ref().filter(|_| status.failed.is_none()).map(|passed| passed.level);
    status.verified = Some(Passed { at, level: before.map_or(level, |before| before.max(level)) });
    status.failed = None;
}

pub(crate) fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Each of two accounts sees its own rows and no others, and nobody sees any without an account.
async fn smoke(
    manifest: &Manifest,
    superuser: &PgConnectOptions,
    app: &PgConnectOptions,
) -> Result<(), Error> {
    let mut all = PgConnection::connect_with(superuser).await?;
    let (there,): (bool,) =
        sqlx::query_as("select to_regclass('app.accounts') is not null").fetch_one(&mut all).await?;
    if !there {
        return Ok(());
    }
    let accounts: Vec<(String,)> =
        sqlx::query_as("select account_id::text from app.accounts order by created_at limit 2")
            .fetch_all(&mut all)
            .await?;
    let tables: Vec<(String,)> = sqlx::query_as(
        "select table_name from ops.table_kinds where kind = 'tenant' and to_regclass(table_name) is not null
           and has_table_privilege('nexo_app', to_regclass(table_name), 'select') order by 1",
    )
    .fetch_all(&mut all)
    .await?;
    let mut conn = PgConnection::connect_with(app).await?;
    let mut wrong = Vec::new();
    for (table,) in &tables {
        let sees = count(&mut conn, "", table, "true").await?;
        if sees != 0 {
            wrong.push(format!("nexo_app sees {sees} rows of {table} without an account"));
        }
        for (account,) in &accounts {
            let own = format!("account_id = '{account}'");
            let owned = count(&mut all, "", table, &own).await?;
            let sees = count(&mut conn, account, table, "true").await?;
            if sees != owned {
                wrong.push(format!("account {account} sees {sees} rows of {table}, and has {owned}"));
            }
        }
    }
    conn.close().await?;
    all.close().await?;
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Error::Differs { name: manifest.name.clone(), differences: wrong })
    }
}

async fn count(conn: &mut PgConnection, account: &str, table: &str, only: &str) -> Result<i64, sqlx::Error> {
    conn.execute("begin").await?;
    conn.execute(AssertSqlSafe(format!("set local app.current_account_id = '{account}'"))).await?;
    let question = AssertSqlSafe(format!("select count(*) from {table} where {only}"));
    let (rows,) = sqlx::query_as(question).persistent(false).fetch_one(&mut *conn).await?;
    conn.execute("commit").await?;
    Ok(rows)
}
