//! Loads the rows of a dump over several connections: one connection uses one core only, and a single table may hold
//! most of the data.
//!
//! `pg_restore` writes the data as SQL. Each row of a COPY is one line (PostgreSQL documentation, COPY, "Text
//! Format"), so lines may be distributed over connections.

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

/// Command for one loader connection.
enum LoaderCommand {
    Begin(String),
    Rows(Vec<u8>),
    End,
    Statement(String),
}

/// Bytes per message, and number of queued messages.
const CHUNK: usize = 512 * 1024;
const WAITING: usize = 4;

const SETTINGS: &[(&str, &str)] = &[
    ("synchronous_commit", "off"),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("row_security", "off"),
];

/// Loads all rows of a backup into the tables of `into`.
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
        drop(reader); // it would block on its output forever
        return loaded.and(spread);
    }
    unpacked.await.map_err(|_| Error::Ended)??;
    tokio::task::spawn_blocking(move || reader.finish()).await.map_err(|_| Error::Ended)?
}

/// Reads the script, and distributes the rows of each COPY over the connections.
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

/// Loader connections, each with its own queue.
struct Loaders {
    queues: Vec<mpsc::Sender<LoaderCommand>>,
    tasks: JoinSet<Result<(), Error>>,
    /// Connections that take part in the current COPY, and the index of the next one.
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
            self.tell(at, LoaderCommand::Begin(copy.to_owned())).await?;
        }
        self.tell(at, LoaderCommand::Rows(rows)).await
    }

    async fn end(&mut self) -> Result<(), Error> {
        for at in 0..self.queues.len() {
            if self.begun.get_mut(at).is_some_and(std::mem::take) {
                self.tell(at, LoaderCommand::End).await?;
            }
        }
        Ok(())
    }

    /// Sends settings to every connection, and any other statement to the first.
    async fn statement(&mut self, text: String) -> Result<(), Error> {
        let setting = text.starts_with("SET ") || text.starts_with("SELECT pg_catalog.set_config");
        let many = if setting { self.queues.len() } else { 1 };
        for at in 0..many {
            self.tell(at, LoaderCommand::Statement(text.clone())).await?;
        }
        Ok(())
    }

    /// Sends a command. A connection that failed reports its error in [`finish`](Self::finish).
    async fn tell(&self, at: usize, work: LoaderCommand) -> Result<(), Error> {
        let queue = self.queues.get(at).ok_or(Error::Ended)?;
        queue.send(work).await.map_err(|_| Error::Ended)
    }

    async fn finish(self) -> Result<(), Error> {
        drop(self.queues);
        self.tasks.join_all().await.into_iter().collect()
    }
}

async fn work_off(mut conn: PgConnection, mut queue: mpsc::Receiver<LoaderCommand>) -> Result<(), Error> {
    while let Some(work) = queue.recv().await {
        match work {
            LoaderCommand::Statement(text) => {
                conn.execute(AssertSqlSafe(text)).await?;
            }
            LoaderCommand::Begin(copy) => {
                let into = conn.copy_in_raw(&copy).await?;
                if !copy_rows(into, &mut queue).await? {
                    return Ok(());
                }
            }
            LoaderCommand::Rows(_) | LoaderCommand::End => return Err(Error::Ended),
        }
    }
    Ok(conn.close().await?)
}

/// Copies rows until the end of the COPY; returns false if the script was truncated, and then aborts the COPY.
async fn copy_rows(
    mut into: PgCopyIn<&mut PgConnection>,
    queue: &mut mpsc::Receiver<LoaderCommand>,
) -> Result<bool, Error> {
    while let Some(work) = queue.recv().await {
        let LoaderCommand::Rows(rows) = work else {
            into.finish().await?;
            return Ok(true);
        };
        into.send(rows).await?;
    }
    into.abort("the dump broke off").await?;
    Ok(false)
}
