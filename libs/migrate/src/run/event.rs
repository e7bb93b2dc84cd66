use std::{fmt, sync::Arc};

use crate::{Holder, Version};

/// What a person who waits wants to know.
#[derive(Debug, Clone)]
pub enum Event {
    /// Another process has the lock.
    Waiting(Holder),
    /// A migration failed or broke off, and this program has not its file.
    Unknown {
        /// The file's name.
        file: String,
        /// The release that tried it.
        release: String,
        /// What the server said; `None`: the process was killed.
        error: Option<String>,
    },
    /// A file begins.
    File {
        /// Its name.
        file: String,
        /// How many statements it has.
        statements: usize,
    },
    /// A statement waits for somebody.
    Blocked(Holder),
    /// A statement takes its time.
    Working {
        /// The statement, from 1.
        statement: usize,
        /// What the server says that it does.
        doing: String,
    },
    /// A lock could not be had; the file is tried again.
    Again {
        /// Which attempt failed.
        attempt: u32,
        /// In whose way we were.
        blocker: Option<Holder>,
    },
    /// The connection broke, and another is made.
    Reconnecting(String),
    /// What a failed build had left is dropped.
    Dropped(String),
    /// A file is in the history.
    Applied {
        /// Its version.
        version: Version,
        /// How long it took, in milliseconds.
        took_ms: u128,
    },
    /// A batch of a backfill is committed.
    Batch {
        /// Of which migration.
        version: Version,
        /// Rows that were looked at since it began.
        seen: u64,
        /// Rows that were changed since it began.
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

/// Who is told.
#[derive(Clone)]
pub struct Listener(Arc<dyn Fn(&Event) + Send + Sync>);

impl Listener {
    /// Calls this.
    pub fn new(tell: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn tell(&self, event: &Event) {
        (self.0)(event);
    }
}

/// The log.
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
