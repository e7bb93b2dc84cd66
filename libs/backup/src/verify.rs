//! Verification of backups, up to the comparison of a restored database.

use std::time::Instant;

use ::db::Passwords;
use pg_server::Cluster;
use serde::Serialize;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use time::OffsetDateTime;

use crate::{
    Config, DrillResult, Error, Manifest, Name, Stage, Status, VerificationLevel, VerificationPassed,
    archive,
    libpq::{self, Running},
    restore::{self, UnpackedDump},
    store::ARCHIVE,
    watch::millis,
};

/// Result of a successful verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerificationResult {
    /// Name of the verified backup.
    pub name: Name,
    /// Depth of the verification.
    pub level: VerificationLevel,
    /// Number of compared tables.
    pub tables: usize,
    /// Number of rows that were compared.
    pub rows: i64,
    /// Duration in milliseconds.
    pub took_ms: u64,
}

const DATABASE: &str = "restored";
const PASSWORD: &str = "throw-away";

/// The server of a drill runs with durable settings, like the one to be recovered.
const HONEST: &[&str] = &["fsync=on", "full_page_writes=on", "synchronous_commit=on"];

impl Config {
    /// Verifies a backup, and records the outcome in its status.
    pub async fn verify(&self, name: &Name, level: VerificationLevel) -> Result<VerificationResult, Error> {
        let begun = Instant::now();
        let tried = Box::pin(self.try_it(name, level)).await;
        let at = self.now();
        match &tried {
            Ok(_) => self.note(name, |status| passed(status, at, level)).await?,
            Err(refused) => self.note_failure(name, refused, level).await,
        }
        let manifest = tried?;
        let compared = level == VerificationLevel::Restored;
        Ok(VerificationResult {
            name: name.clone(),
            level,
            tables: if compared { manifest.tables.len() } else { 0 },
            rows: if compared { manifest.rows() } else { 0 },
            took_ms: millis(begun),
        })
    }

    async fn try_it(&self, name: &Name, level: VerificationLevel) -> Result<Manifest, Error> {
        let manifest = self.intact(name).await?;
        match level {
            VerificationLevel::Hashes => {}
            VerificationLevel::Archive => self.readable(&manifest).await?,
            VerificationLevel::Restored => self.restorable(&manifest, &[]).await?,
        }
        Ok(manifest)
    }

    /// Level 2: `pg_restore` writes everything as SQL to `/dev/null`.
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

    /// Level 3: restores on an ephemeral server and compares.
    async fn restorable(&self, manifest: &Manifest, settings: &[&str]) -> Result<(), Error> {
        let programs = self.reading_programs(manifest.major(), "try this backup")?;
        let unpacked = UnpackedDump::unpack(self, manifest).await?;
        let cluster = Cluster::ephemeral(programs, settings).await?;
        let passwords = Passwords::same(&PASSWORD.to_owned().into());
        ::db::prepare_cluster(&cluster.superuser("postgres"), DATABASE, &passwords).await?;
        let superuser = cluster.superuser(DATABASE);
        restore::lacks(&superuser, manifest).await?;
        restore::load(self, &unpacked, manifest, &superuser).await?;
        restore::compare(self, manifest, &superuser).await?;
        smoke(manifest, &superuser, &cluster.role("nexo_app", PASSWORD, DATABASE)).await?;
        Ok(())
    }

    /// Restores the newest backup on an ephemeral server, and records the time taken (recovery drill).
    pub async fn drill(&self) -> Result<(Name, DrillResult), Error> {
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
            self.note_failure(&name, refused, VerificationLevel::Restored).await;
        }
        let manifest = tried?;
        let age_seconds = (at - manifest.made.at).whole_seconds();
        let drill = DrillResult { at, recovery_ms: millis(begun), age_seconds };
        self.note(&name, |status| {
            status.verified = Some(VerificationPassed { at, level: VerificationLevel::Restored });
            (status.failed, status.drill) = (None, Some(drill.clone()));
        })
        .await?;
        Ok((name, drill))
    }
}

/// Records a success: the deepest level passed since the last failure. A failure is cleared only by a verification
/// that would have detected it.
fn passed(status: &mut Status, at: OffsetDateTime, level: VerificationLevel) {
    let seen_by = status.failed.as_ref().map(|failed| failed.level.unwrap_or(VerificationLevel::Restored));
    if seen_by.is_some_and(|seen_by| level < seen_by) {
        return;
    }
    let before = status.verified.as_ref().filter(|_| status.failed.is_none()).map(|passed| passed.level);
    status.verified =
        Some(VerificationPassed { at, level: before.map_or(level, |before| before.max(level)) });
    status.failed = None;
}

/// Checks row security: each of two accounts sees exactly its own rows, and without an account no row is visible.
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
