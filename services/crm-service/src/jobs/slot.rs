//! Places to work at jobs: parts of more jobs than there are places take turns, and there is a door by which those come in that
//! have just been drawn. What is done in a moment waits for none of the others.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

/// For how long a job keeps its place while others wait for one.
const SLICE: Duration = Duration::from_millis(500);

/// The places of a process.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    all: Arc<Semaphore>,
    door: Arc<Semaphore>,
}

/// A place, of which a job lets go between two parts.
#[derive(Debug)]
pub(super) struct Slot {
    all: Arc<Semaphore>,
    place: Mutex<(Option<OwnedSemaphorePermit>, Instant)>,
}

impl Slots {
    pub(super) fn new(number: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(number)), door: Arc::new(Semaphore::new(1)) }
    }

    /// The place at the door, when whoever came in before has done or has found a place among the others.
    pub(super) async fn enter(&self) -> Slot {
        let place = Arc::clone(&self.door).acquire_owned().await.ok(); // it is never closed
        Slot { all: Arc::clone(&self.all), place: Mutex::new((place, Instant::now())) }
    }
}

impl Slot {
    /// Lets others have it who wait, and comes after them; not before it was of some use.
    pub(super) async fn give_way(&self) {
        let mut place = self.place.lock().await;
        if place.1.elapsed() < SLICE {
            return;
        }
        drop(place.0.take());
        *place = (Arc::clone(&self.all).acquire_owned().await.ok(), Instant::now());
    }
}
