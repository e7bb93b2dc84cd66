//! Progress reports of long operations.

use std::{
    fmt,
    io::{self, Read, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

/// Stage of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Dumping the database, in bytes.
    Dump,
    /// Reading the archive, in bytes.
    Read,
    /// Unpacking the dump, in bytes.
    Unpack,
    /// Loading rows into a database, in bytes.
    Load,
    /// Building indexes and constraints.
    Index,
    /// Counting and hashing tables, in tables.
    Compare,
    /// Uploading to a remote store, in bytes.
    Upload,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dump => "dumping",
            Self::Read => "reading the archive",
            Self::Unpack => "unpacking",
            Self::Load => "loading rows",
            Self::Index => "building indexes",
            Self::Compare => "comparing tables",
            Self::Upload => "uploading",
        })
    }
}

type Tell = dyn Fn(Stage, u64, u64) + Send + Sync;

/// Callback for progress: stage, amount done, and total amount (0 if unknown).
#[derive(Clone, Default)]
pub struct ProgressListener(Option<Arc<Tell>>);

impl fmt::Debug for ProgressListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

impl ProgressListener {
    /// Creates a listener; the callback is called often.
    pub fn new(tell: impl Fn(Stage, u64, u64) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    pub(crate) fn tell(&self, stage: Stage, done: u64, total: u64) {
        if let Some(tell) = &self.0 {
            tell(stage, done, total);
        }
    }

    pub(crate) fn counter(&self, stage: Stage, total: u64) -> Counter {
        Counter { watch: self.clone(), stage, total, done: Arc::default() }
    }
}

/// Counts copied bytes and reports them.
#[derive(Clone)]
pub(crate) struct Counter {
    watch: ProgressListener,
    stage: Stage,
    total: u64,
    done: Arc<AtomicU64>,
}

impl Counter {
    pub(crate) fn copy(&self, from: &mut impl Read, into: &mut impl Write) -> io::Result<u64> {
        let mut buffer = vec![0; 256 * 1024];
        let mut copied = 0;
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => return Ok(copied),
                Ok(read) => read,
                Err(failed) if failed.kind() == io::ErrorKind::Interrupted => continue,
                Err(failed) => return Err(failed),
            };
            into.write_all(buffer.get(..read).unwrap_or_default())?;
            copied += read as u64;
            self.add(read as u64);
        }
    }

    pub(crate) fn add(&self, more: u64) {
        let done = self.done.fetch_add(more, Ordering::Relaxed) + more;
        self.watch.tell(self.stage, done, self.total);
    }
}

/// Time since `begun` in milliseconds.
pub(crate) fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}
