//! Loads the rows of a dump through several connections: one cannot use more than one core, and a table may be most of a
//! database.
//!
//! `pg_restore` writes the data as SQL; each row of a COPY is one line (PostgreSQL documentation, COPY, "Text Format"), so
//! lines may go in by any connection.

use std::process::Stdio;

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection,
    postgres::{PgConnectOptions, PgCopyIn},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::ChildStdout,
    sync::mpsc,
    task::JoinSet,
};

use crate::{
    Config, Error, Manifest, Stage, archive,
    libpq::{self, Running},
    store::ARCHIVE,
};

/// What one connection is told.
enum Work {
    Begin(String),
    Rows(Vec<u8>),
    End,
    Statement(String),
}

/// Bytes in one message, and messages that may wait.
const CHUNK: usize = 512 * 1024;
const WAITING: usize = 4;

const SETTINGS: &[(&str, &str)] = &[
    ("synchronous_commit", "off"),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("row_security", "off"),
];

/// Loads every row of a backup into the tables of `into`.
pub(super) async fn load(config: &Config, manifest: &Manifest, into: &PgConnectOptions) -> Result<(), Error> {
    let programs = config.reading_programs(manifest.major(), "restore this backup")?;
    let mut command = libpq::program(&programs, "pg_restore", &PgConnectOptions::new_without_pgpass());
    command.args(["--section=data", "--file=-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut reader = Running::start(command, "pg_restore")?;
    let mut input = reader.child().stdin.take().ok_or(Error::Ended)?;
    let output = reader.child().stdout.take().ok_or(Error::Ended)?;
    let output = ChildStdout::from_std(output).map_err(Error::Stream)?;
    let (path, about, identities) =
        (config.local.file(&manifest.name, ARCHIVE), manifest.clone(), config.identities.clone());
    let counter = config.watch.counter(Stage::Load, manifest.archive.plain_bytes);
    let unpacked = tokio::task::spawn_blocking(move || {
        archive::unpack(&path, &about.name, &about.archive, &identities, &mut input, &counter)
    });
    let mut loaders = Loaders::start(into, config.jobs).await?;
    let spread = spread(BufReader::with_capacity(CHUNK, output), &mut loaders).await;
    let loaded = loaders.finish().await;
    if loaded.is_err() || spread.is_err() {
        drop(reader); // it would wait for us for ever
        return loaded.and(spread);
    }
    unpacked.await.map_err(|_| Error::Ended)??;
    tokio::task::spawn_blocking(move || reader.finish()).await.map_err(|_| Error::Ended)?
}

/// Reads the script, and gives the rows of each COPY to one connection after another.
async fn spread(mut script: BufReader<ChildStdout>, loaders: &mut Loaders) -> Result<(), Error> {
    let (mut line, mut copying, mut rows) = (Vec::new(), None, Vec::with_capacity(CHUNK * 2));
    loop {
        line.clear();
        if script.read_until(b'\n', &mut line).await.map_err(Error::Stream)? == 0 {
            return Ok(());
        }
        if copying.is_some() {
            if line == b"\\.\n" {
                loaders.rows(copying.as_deref(), std::mem::take(&mut rows)).await?;
                loaders.end().await?;
                copying = None;
            } else {
                rows.extend_from_slice(&line);
                if rows.len() >= CHUNK {
                    loaders
                        .rows(copying.as_deref(), std::mem::replace(&mut rows, Vec::with_capacity(CHUNK * 2)))
                        .await?;
                }
            }
            continue;
        }
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        if text.starts_with("COPY ") && text.ends_with(" FROM stdin;") {
            copying = Some(text);
        } else if !(text.is_empty() || text.starts_with("--") || text.starts_with('\\')) {
            loaders.statement(text).await?;
        }
    }
}

/// Connections, each with its own work.
struct Loaders {
    queues: Vec<mpsc::Sender<Work>>,
    tasks: JoinSet<Result<(), Error>>,
    /// Those that have begun the present COPY, and whose turn it is.
    begun: Vec<bool>,
    turn: usize,
}

impl Loaders {
    async fn start(into: &PgConnectOptions, count: usize) -> Result<Self, Error> {
        let (mut queues, mut tasks) = (Vec::new(), JoinSet::new());
        let options = into.clone().application_name("nexo-restore rows").options(SETTINGS.iter().copied());
        for _ in 0..count.max(1) {
            let conn = PgConnection::connect_with(&options).await?;
            let (queue, work) = mpsc::channel(WAITING);
            queues.push(queue);
            tasks.spawn(work_off(conn, work));
        }
        Ok(Self { begun: vec![false; queues.len()], queues, tasks, turn: 0 })
    }

    async fn rows(&mut self, copy: Option<&str>, rows: Vec<u8>) -> Result<(), Error> {
        let Some(copy) = copy.filter(|_| !rows.is_empty()) else { return Ok(()) };
        let at = self.turn;
        self.turn = (at + 1) % self.queues.len();
        let new = self.begun.get_mut(at).is_some_and(|begun| !std::mem::replace(begun, true));
        if new {
            self.tell(at, Work::Begin(copy.to_owned())).await?;
        }
        self.tell(at, Work::Rows(rows)).await
    }

    async fn end(&mut self) -> Result<(), Error> {
        for at in 0..self.queues.len() {
            if self.begun.get_mut(at).is_some_and(std::mem::take) {
                self.tell(at, Work::End).await?;
            }
        }
        Ok(())
    }

    /// Settings are for every connection, everything else for the first.
    async fn statement(&mut self, text: String) -> Result<(), Error> {
        let setting = text.starts_with("SET ") || text.starts_with("SELECT pg_catalog.set_config");
        let many = if setting { self.queues.len() } else { 1 };
        for at in 0..many {
            self.tell(at, Work::Statement(text.clone())).await?;
        }
        Ok(())
    }

    /// A connection that has ended tells why in [`finish`](Self::finish).
    async fn tell(&self, at: usize, work: Work) -> Result<(), Error> {
        let queue = self.queues.get(at).ok_or(Error::Ended)?;
        queue.send(work).await.map_err(|_| Error::Ended)
    }

    async fn finish(self) -> Result<(), Error> {
        drop(self.queues);
        self.tasks.join_all().await.into_iter().collect()
    }
}

async fn work_off(mut conn: PgConnection, mut queue: mpsc::Receiver<Work>) -> Result<(), Error> {
    while let Some(work) = queue.recv().await {
        match work {
            Work::Statement(text) => {
                conn.execute(AssertSqlSafe(text)).await?;
            }
            Work::Begin(copy) => {
                let into = conn.copy_in_raw(&copy).await?;
                if !copy_rows(into, &mut queue).await? {
                    return Ok(());
                }
            }
            Work::Rows(_) | Work::End => return Err(Error::Ended),
        }
    }
    Ok(conn.close().await?)
}

/// Whether it came to its end: otherwise the script broke off, and nothing of it is kept.
async fn copy_rows(
    mut into: PgCopyIn<&mut PgConnection>,
    queue: &mut mpsc::Receiver<Work>,
) -> Result<bool, Error> {
    while let Some(work) = queue.recv().await {
        let Work::Rows(rows) = work else {
            into.finish().await?;
            return Ok(true);
        };
        into.send(rows).await?;
    }
    into.abort("the dump broke off").await?;
    Ok(false)
}
