//! Queue of passwords that wait to be hashed, in two lanes.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Divisor of the queue's capacity: if more of it waits, a storm is on, and the threads rest between two hashes.
const CALM: usize = 2;

/// Jobs of known users that may be taken in a row while others wait: one can have several addresses known, and would
/// otherwise hold up everyone else.
const KNOWN_IN_A_ROW: u8 = 3;

/// Order in which passwords are hashed: known users go first, and leave every fourth turn to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Users who have logged in from the same client address before.
    Known,
    /// All others.
    Others,
}

/// Jobs that wait for a thread.
#[derive(Debug)]
pub(crate) struct HashQueue<T> {
    lanes: Mutex<Lanes<T>>,
    changed: Condvar,
    calm: usize,
}

#[derive(Debug)]
struct Lanes<T> {
    known: VecDeque<T>,
    others: VecDeque<T>,
    known_in_a_row: u8,
    is_closed: bool,
}

/// The end at which jobs are added. The queue is closed when it is dropped.
#[derive(Debug)]
pub(crate) struct QueueEnd<T>(pub(crate) Arc<HashQueue<T>>);

impl<T> HashQueue<T> {
    /// An empty queue for about so many jobs of the lane [`Others`](Lane::Others).
    pub(crate) fn of(capacity: usize) -> Arc<Self> {
        let lanes =
            Lanes { known: VecDeque::new(), others: VecDeque::new(), known_in_a_row: 0, is_closed: false };
        Arc::new(Self { lanes: Mutex::new(lanes), changed: Condvar::new(), calm: capacity / CALM })
    }

    pub(crate) fn push(&self, lane: Lane, job: T) {
        let mut lanes = self.lanes();
        match lane {
            Lane::Known => lanes.known.push_back(job),
            Lane::Others => lanes.others.push_back(job),
        }
        drop(lanes);
        self.changed.notify_all(); // a thread that rests goes on resting, unless the job is of a known user
    }

    /// Waits for the next job; `None` when the queue was closed and is empty.
    pub(crate) fn next(&self) -> Option<T> {
        let waits = |lanes: &mut Lanes<T>| lanes.is_empty() && !lanes.is_closed;
        let lanes = self.changed.wait_while(self.lanes(), waits);
        let mut lanes = lanes.unwrap_or_else(PoisonError::into_inner);
        lanes.pop()
    }

    /// Rests after a job that took `time`, for as long, if a storm is on; until a known user comes. It does not depend on
    /// what the job was, so that no answer can be told from another by its time.
    pub(crate) fn rest(&self, time: Duration) {
        let waits = |lanes: &mut Lanes<T>| {
            lanes.known.is_empty() && !lanes.is_closed && lanes.others.len() > self.calm
        };
        drop(self.changed.wait_timeout_while(self.lanes(), time, waits));
    }

    fn close(&self) {
        self.lanes().is_closed = true;
        self.changed.notify_all();
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes<T>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Lanes<T> {
    fn pop(&mut self) -> Option<T> {
        let is_turn_of_known = self.known_in_a_row < KNOWN_IN_A_ROW || self.others.is_empty();
        if is_turn_of_known && let Some(job) = self.known.pop_front() {
            self.known_in_a_row = self.known_in_a_row.saturating_add(1);
            return Some(job);
        }
        self.known_in_a_row = 0;
        self.others.pop_front()
    }

    fn is_empty(&self) -> bool {
        self.known.is_empty() && self.others.is_empty()
    }
}

impl<T> Drop for QueueEnd<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn known_users_go_first_and_each_lane_keeps_its_order() {
        let queue = HashQueue::of(8);
        for (lane, job) in [(Lane::Others, 1), (Lane::Known, 2), (Lane::Others, 3), (Lane::Known, 4)] {
            queue.push(lane, job);
        }
        QueueEnd(Arc::clone(&queue)); // closes it
        let order: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
        assert_eq!(order, [2, 4, 1, 3]);
    }

    #[test]
    fn known_users_do_not_hold_up_the_others() {
        let queue = HashQueue::of(8);
        queue.push(Lane::Others, 0);
        for job in 1..=9 {
            queue.push(Lane::Known, job);
        }
        let order: Vec<_> = (0..5).map(|_| queue.next().unwrap()).collect();
        assert_eq!(order, [1, 2, 3, 0, 4]);
    }

    #[test]
    fn a_thread_rests_in_a_storm_only_and_until_a_known_user_comes() {
        let queue = HashQueue::of(4);
        queue.push(Lane::Others, 1);
        queue.push(Lane::Others, 2);
        queue.rest(LONG); // half of the queue is no storm
        queue.push(Lane::Others, 3);
        let resting = thread::spawn({
            let queue = Arc::clone(&queue);
            move || queue.rest(LONG)
        });
        queue.push(Lane::Others, 4);
        thread::sleep(Duration::from_millis(20));
        assert!(!resting.is_finished(), "a stranger more ends no rest");
        queue.push(Lane::Known, 5);
        resting.join().unwrap();
        queue.rest(LONG); // and while a known user waits, none begins
        assert_eq!(queue.next(), Some(5));
    }

    #[test]
    fn a_closed_queue_ends_every_wait() {
        let queue = HashQueue::<()>::of(4);
        let end = QueueEnd(Arc::clone(&queue));
        let waiting = thread::spawn({
            let queue = Arc::clone(&queue);
            move || queue.next()
        });
        drop(end);
        assert_eq!(waiting.join().unwrap(), None);
    }
}
