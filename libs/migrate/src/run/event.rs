use std::{fmt, sync::Arc};

use crate::{LockHolder, Version};

/// Progress event for the user.
#[derive(Debug, Clone)]
pub enum Event {
    /// Another process holds the lock.
    Waiting(LockHolder),
    /// A migration failed or was interrupted, and this program lacks its file.
    Unknown {
        /// Name of the migration file.
        file: String,
        /// Release that tried to apply it.
        release: String,
        /// Error of the server; `None` if the process was killed.
        error: Option<String>,
    },
    /// A file is started.
    File {
        /// Name of the migration file.
        file: String,
        /// Number of statements in the file.
        statements: usize,
    },
    /// A statement is blocked by a session.
    Blocked(LockHolder),
    /// A statement takes long.
    Working {
        /// Number of the statement, from 1.
        statement: usize,
        /// Activity as reported by the server.
        doing: String,
    },
    /// A lock timed out; the file is retried.
    Again {
        /// Number of the failed attempt.
        attempt: u32,
        /// Blocking session, if known.
        blocker: Option<LockHolder>,
    },
    /// The connection was lost, and is re-established.
    Reconnecting(String),
    /// The leftover of a failed index build was dropped.
    Dropped(String),
    /// A file was applied and recorded.
    Applied {
        /// Version of the migration.
        version: Version,
        /// Duration in milliseconds.
        took_ms: u128,
    },
    /// A batch of a backfill was committed.
    Batch {
        /// Version of the migration that defines it.
        version: Version,
        /// Number of rows examined in this run.
        seen: u64,
        /// Number of rows changed in this run.
        changed: u64,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting(holder) => write!(f, "another process holds the migration lock: {holder}"),
            Self::Unknown { file, release, error } => write!(
                f,
                "release {release} tried {file} and did not finish it ({}); this program does not know the file: see `nexo db status`",
                error.as_deref().unwrap_or("its process ended")
            ),
            Self::File { file, statements } => write!(f, "{file} ({statements} statements)"),
            Self::Blocked(holder) => write!(f, "  waits for {holder}"),
            Self::Working { statement, doing } => write!(f, "  statement {statement}: {doing}"),
            Self::Again { attempt, blocker: Some(holder) } => {
                write!(f, "  attempt {attempt}: gave way, for {holder} holds what it needs; trying again")
            }
            Self::Again { attempt, blocker: None } => {
                write!(f, "  attempt {attempt}: gave way to others; trying again")
            }
            Self::Reconnecting(why) => write!(f, "the connection broke ({why}); making another"),
            Self::Dropped(index) => write!(f, "  dropped {index}, which a failed build had left invalid"),
            Self::Applied { version, took_ms } => write!(f, "  applied {version} in {took_ms} ms"),
            Self::Batch { version, seen, changed } => {
                write!(f, "  backfill {version}: {seen} rows seen, {changed} changed")
            }
        }
    }
}

/// Callback that receives progress events.
#[derive(Clone)]
pub struct Listener(Arc<dyn Fn(&Event) + Send + Sync>);

impl Listener {
    /// Creates a listener from a callback.
    pub fn new(tell: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn tell(&self, event: &Event) {
        (self.0)(event);
    }
}

/// Logs the events.
impl Default for Listener {
    fn default() -> Self {
        Self::new(|event| {
            if matches!(event, Event::Unknown { .. }) {
                tracing::warn!("{event}");
            } else {
                tracing::info!("{event}");
            }
        })
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}
