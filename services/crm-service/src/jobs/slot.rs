//! Places to work at jobs: parts of more jobs than there are places take turns.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

/// The places of a process.
#[derive(Debug, Clone)]
pub(super) struct Slots(Arc<Semaphore>);

/// A place, of which a job lets go between two parts.
#[derive(Debug)]
pub(super) struct Slot {
    all: Slots,
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Slots {
    pub(super) fn new(number: usize) -> Self {
        Self(Arc::new(Semaphore::new(number)))
    }

    /// One of them, in the order of asking.
    pub(super) async fn take(&self) -> Slot {
        Slot { all: self.clone(), place: Mutex::new(self.place().await) }
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).acquire_owned().await.ok() // it is never closed
    }
}

impl Slot {
    /// Lets others have it who wait, and comes after them.
    pub(super) async fn give_way(&self) {
        let mut place = self.place.lock().await;
        drop(place.take());
        *place = self.all.place().await;
    }
}
