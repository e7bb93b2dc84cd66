//! Slots in which jobs run. Jobs beyond the number of slots take turns. Newly leased jobs start in an extra entry slot,
//! so that short jobs do not wait for long ones.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

/// Minimum time that a job keeps its slot before it yields.
const SLICE: Duration = Duration::from_millis(500);

/// The slots of a process, for all its jobs.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    all: Arc<Semaphore>,
    door: Arc<Semaphore>,
}

/// A slot, which its job yields between two steps.
#[derive(Debug)]
pub(crate) struct Slot {
    all: Arc<Semaphore>,
    place: Mutex<(Option<OwnedSemaphorePermit>, Instant)>,
}

impl Slots {
    pub(crate) fn new(number: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(number)), door: Arc::new(Semaphore::new(1)) }
    }

    /// Waits for the entry slot, until the job before has ended or moved to a regular slot.
    pub(crate) async fn enter(&self) -> Slot {
        let place = Arc::clone(&self.door).acquire_owned().await.ok(); // it is never closed
        Slot { all: Arc::clone(&self.all), place: Mutex::new((place, Instant::now())) }
    }
}

impl Slot {
    /// Yields the slot to waiting jobs and queues again, but not before `SLICE` has passed.
    pub(crate) async fn give_way(&self) {
        let mut place = self.place.lock().await;
        if place.1.elapsed() < SLICE {
            return;
        }
        drop(place.0.take());
        *place = (Arc::clone(&self.all).acquire_owned().await.ok(), Instant::now());
    }
}

impl Slot {
    /// Waits until `rest` has passed, while other jobs have the slot.
    pub(crate) async fn rest(&self, rest: impl Future<Output = ()>) {
        let mut place = self.place.lock().await;
        drop(place.0.take());
        rest.await;
        *place = (Arc::clone(&self.all).acquire_owned().await.ok(), Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test]
    async fn a_job_leaves_the_entry_slot_to_the_next_one_after_its_slice() {
        let (slots, soon) = (Slots::new(1), Duration::from_millis(10));
        let first = slots.enter().await;
        first.give_way().await;
        assert!(timeout(soon, slots.enter()).await.is_err(), "the slice is not over");
        sleep(SLICE).await;
        first.give_way().await;
        let second = timeout(soon, slots.enter()).await.unwrap();
        sleep(SLICE).await;
        assert!(timeout(soon, second.give_way()).await.is_err(), "the only regular slot is in use");
        drop(first);
        assert!(timeout(soon, second.give_way()).await.is_ok());
    }

    #[tokio::test]
    async fn a_job_that_rests_leaves_its_slot_to_another() {
        let (slots, soon) = (Slots::new(1), Duration::from_millis(10));
        let first = slots.enter().await;
        let (rest, end) = tokio::sync::oneshot::channel::<()>();
        let resting = tokio::spawn(async move {
            first.rest(async { drop(end.await) }).await;
            first
        });
        let second = timeout(SLICE, slots.enter()).await.unwrap();
        second.rest(async {}).await;
        drop(rest);
        sleep(soon).await;
        assert!(!resting.is_finished(), "the only regular slot is in use");
        drop(second);
        timeout(SLICE, resting).await.unwrap().unwrap();
    }
}
