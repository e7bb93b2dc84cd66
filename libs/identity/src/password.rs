//! Password hashing with argon2id on dedicated threads.
//!
//! A hash takes 19 MiB and about 20 ms of a core (OWASP's first choice: m = 19456 KiB, t = 2, p = 1). So it never
//! runs on the threads that serve requests, and the queue is bounded: surplus requests are rejected before they
//! cost more than a lookup. An e-mail address, client address or account may occupy only a share of the queue. The hashing
//! threads have a lower priority: a login takes long anyway, while other requests take less than a millisecond.
//!
//! A storm of strangers' passwords fills the queue. Then known users still have places, and get three turns of four; and the threads
//! rest between two hashes of others, so that they leave half of their time to requests.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Instant,
};

use argon2::{Algorithm, Argon2, Block, Params, Version, password_hash::phc::PasswordHash};
use aws_lc_rs::constant_time;
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};

use crate::{
    password_queue::{HashQueue, Lane, QueueEnd},
    secret::random,
};

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Reason for the absence of a hash or verdict.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The queue of the hasher is full.
    #[error("too many logins at once")]
    Busy,
    /// The share of one e-mail address, client address or account is used up.
    #[error("too many passwords of one e-mail, address or account at once")]
    ShareTaken,
    /// The hashing threads have ended: the process is shutting down.
    #[error("passwords cannot be hashed any more")]
    Stopped,
    /// A stored hash is not readable by argon2.
    #[error("a stored password hash cannot be used")]
    Unusable,
}

/// Result of a password verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The password matches the hash.
    Right,
    /// The password matches, but the hash has outdated, weaker parameters: rehash it.
    RightButOutdated,
    /// The password does not match.
    Wrong,
}

/// Hashes and verifies passwords on a pool of threads.
#[derive(Debug, Clone)]
pub struct Hasher {
    jobs: Arc<QueueEnd<Queued>>,
    places: Arc<Semaphore>,
    places_of_known: Arc<Semaphore>,
    shares: Arc<HolderShares>,
    shares_of_known: Arc<HolderShares>,
    waiting: Gauge,
    refused: Counter,
}

/// Number of occupied slots per share holder.
#[derive(Debug)]
struct HolderShares {
    taken: Mutex<HashMap<Vec<u8>, usize>>,
    most: usize,
}

/// Divisor of the queue for the share of one e-mail address, client address or account; at least one slot.
const PART: usize = 4;

/// Divisor of the known users' slots for the share of one e-mail address or client address; at least one slot.
const PART_OF_KNOWN: usize = 8;

/// A reserved slot in the queue, which guarantees service.
#[derive(Debug)]
pub struct HashSlot {
    jobs: Arc<QueueEnd<Queued>>,
    seat: OccupiedSlot,
    lane: Lane,
}

/// An occupied slot, released on drop.
#[derive(Debug)]
struct OccupiedSlot {
    _permit: OwnedSemaphorePermit,
    waiting: Gauge,
    shares: Arc<HolderShares>,
    holders: Vec<Vec<u8>>,
}

/// A job, and the slot that is released when it starts.
type Queued = (Job, OccupiedSlot);

#[derive(Debug)]
enum Job {
    Hash(SecretString, oneshot::Sender<Result<String, HashError>>),
    Verify(SecretString, Option<String>, oneshot::Sender<Result<Verdict, HashError>>),
}

impl Hasher {
    /// Starts `threads` threads with a queue for at most `waiting` passwords. Their priority is lowered by `nice`,
    /// from 0 to 19.
    #[must_use]
    pub fn start(threads: usize, waiting: usize, nice: u8) -> Self {
        let waiting = waiting.clamp(1, Semaphore::MAX_PERMITS);
        let queue = HashQueue::of(waiting);
        for _ in 0..threads.max(1) {
            let (jobs, times) = (Arc::clone(&queue), histogram!("nexo_hashing_duration_seconds"));
            thread::spawn(move || {
                give_way(nice);
                Worker { memory: Vec::new(), times }.run(&jobs);
            });
        }
        Self {
            jobs: Arc::new(QueueEnd(queue)),
            places: Arc::new(Semaphore::new(waiting)),
            places_of_known: Arc::new(Semaphore::new((waiting / PART).max(1))),
            shares: HolderShares::of(waiting / PART),
            shares_of_known: HolderShares::of(waiting / PART / PART_OF_KNOWN),
            waiting: gauge!("nexo_hashing_waiting"),
            refused: counter!("nexo_hashing_rejected_total"),
        }
    }

    /// Reserves a slot in the queue; do this before any other work, because it may fail. The slot counts against
    /// the share of each of `holders`: e-mail address, client address, account.
    pub fn reserve(&self, holders: &[Vec<u8>]) -> Result<HashSlot, HashError> {
        self.reserve_of(&self.places, &self.shares, Lane::Others, holders).inspect_err(|refused| {
            if matches!(refused, HashError::Busy) {
                self.refused.increment(1);
            }
        })
    }

    /// As [`reserve`](Self::reserve), for a user who has logged in from the same client address before: one of the places
    /// that others cannot take, with shares of their own.
    pub fn reserve_for_known(&self, holders: &[Vec<u8>]) -> Result<HashSlot, HashError> {
        self.reserve_of(&self.places_of_known, &self.shares_of_known, Lane::Known, holders)
    }

    fn reserve_of(
        &self,
        places: &Arc<Semaphore>,
        shares: &Arc<HolderShares>,
        lane: Lane,
        holders: &[Vec<u8>],
    ) -> Result<HashSlot, HashError> {
        let permit = Arc::clone(places).try_acquire_owned().map_err(|refused| match refused {
            TryAcquireError::NoPermits => HashError::Busy,
            TryAcquireError::Closed => HashError::Stopped,
        })?;
        if !shares.take(holders) {
            return Err(HashError::ShareTaken);
        }
        self.waiting.increment(1);
        let (waiting, shares) = (self.waiting.clone(), Arc::clone(shares));
        let seat = OccupiedSlot { _permit: permit, waiting, shares, holders: holders.to_vec() };
        Ok(HashSlot { jobs: Arc::clone(&self.jobs), seat, lane })
    }

    /// Hashes a new password; returns a PHC string.
    pub async fn hash(&self, password: SecretString) -> Result<String, HashError> {
        self.reserve(&[])?.hash(password).await
    }

    /// Verifies a password against a stored hash. Without a hash (unknown e-mail address) it does the same work
    /// and fails, to prevent user enumeration by timing.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<Verdict, HashError> {
        self.reserve(&[])?.verify(password, stored).await
    }
}

impl HolderShares {
    /// Shares of so many slots, one at least.
    fn of(most: usize) -> Arc<Self> {
        Arc::new(Self { taken: Mutex::default(), most: most.max(1) })
    }

    /// Takes a slot for each of `holders`, or none at all.
    fn take(&self, holders: &[Vec<u8>]) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let has_left = |holder| taken.get(holder).is_none_or(|taken| *taken < self.most);
        if !holders.iter().all(has_left) {
            return false;
        }
        for holder in holders {
            *taken.entry(holder.clone()).or_default() += 1;
        }
        true
    }

    fn give_back(&self, holders: &[Vec<u8>]) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        for holder in holders {
            if let Some(count) = taken.get_mut(holder) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    taken.remove(holder);
                }
            }
        }
    }
}

impl Drop for OccupiedSlot {
    fn drop(&mut self) {
        self.waiting.decrement(1);
        self.shares.give_back(&self.holders);
    }
}

impl HashSlot {
    /// Lets a user who has logged in from the same client address before go first.
    #[must_use]
    pub fn of_known(self) -> Self {
        Self { lane: Lane::Known, ..self }
    }

    /// Hashes a new password; see [`Hasher::hash`].
    pub async fn hash(self, password: SecretString) -> Result<String, HashError> {
        let (answer, hashed) = oneshot::channel();
        self.queue(Job::Hash(password, answer));
        hashed.await.map_err(|_| HashError::Stopped)?
    }

    /// Verifies a password; see [`Hasher::verify`].
    pub async fn verify(self, password: SecretString, stored: Option<String>) -> Result<Verdict, HashError> {
        let (answer, verdict) = oneshot::channel();
        self.queue(Job::Verify(password, stored, answer));
        verdict.await.map_err(|_| HashError::Stopped)?
    }

    fn queue(self, job: Job) {
        self.jobs.0.push(self.lane, (job, self.seat));
    }
}

/// Lowers the priority of this thread. Linux only: elsewhere it would affect the whole process.
#[cfg(target_os = "linux")]
fn give_way(nice: u8) {
    if let Err(error) = rustix::process::setpriority_process(None, nice.into()) {
        tracing::warn!(error = &error as &dyn std::error::Error, "hashing competes with requests");
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way(_: u8) {}

/// One thread with its memory, which is reused: clearing 19 MiB takes a third of the time of a hash.
struct Worker {
    memory: Vec<Block>,
    times: Histogram,
}

impl Worker {
    fn run(mut self, jobs: &HashQueue<Queued>) {
        while let Some((job, place)) = jobs.next() {
            let start = Instant::now();
            drop(place);
            // If the request was cancelled, the receiver is gone; that is no error.
            match job {
                Job::Hash(password, answer) => drop(answer.send(self.hash(&password))),
                Job::Verify(password, stored, answer) => {
                    if !answer.is_closed() {
                        drop(answer.send(self.verify(&password, stored.as_deref())));
                    }
                }
            }
            jobs.rest(start.elapsed());
        }
    }

    fn hash(&mut self, password: &SecretString) -> Result<String, HashError> {
        let salt: [u8; 16] = random();
        let params = today()?;
        let hash = self.fill(password, &salt, params)?;
        let [salt, hash] = [&salt[..], &hash].map(|bytes| BASE64_STANDARD_NO_PAD.encode(bytes));
        Ok(format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}"))
    }

    fn verify(&mut self, password: &SecretString, stored: Option<&str>) -> Result<Verdict, HashError> {
        let Some(stored) = stored else {
            self.fill(password, &[0; 16], today()?)?;
            return Ok(Verdict::Wrong);
        };
        let stored = PasswordHash::new(stored).map_err(|_| HashError::Unusable)?;
        let params = Params::try_from(&stored).map_err(|_| HashError::Unusable)?;
        let (salt, wanted) =
            (stored.salt.ok_or(HashError::Unusable)?, stored.hash.ok_or(HashError::Unusable)?);
        let outdated = params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES;
        let hash = self.fill(password, &salt, params)?;
        Ok(match constant_time::verify_slices_are_equal(&hash, wanted.as_bytes()) {
            Ok(()) if outdated => Verdict::RightButOutdated,
            Ok(()) => Verdict::Right,
            Err(_) => Verdict::Wrong,
        })
    }

    fn fill(&mut self, password: &SecretString, salt: &[u8], params: Params) -> Result<[u8; 32], HashError> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        self.memory.resize(argon2.params().block_count(), Block::default());
        let (mut out, start) = ([0; 32], Instant::now());
        argon2
            .hash_password_into_with_memory(
                password.expose_secret().as_bytes(),
                salt,
                &mut out,
                &mut self.memory,
            )
            .map_err(|_| HashError::Unusable)?;
        self.times.record(start.elapsed());
        Ok(out)
    }
}

fn today() -> Result<Params, HashError> {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(32)).map_err(|_| HashError::Unusable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again() {
        let hasher = Hasher::start(1, 8, 0);
        let hash = hasher.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(hasher.verify("correct horse".into(), Some(hash.clone())).await.unwrap(), Verdict::Right);
        assert_eq!(hasher.verify("wrong horse".into(), Some(hash)).await.unwrap(), Verdict::Wrong);
        assert_eq!(hasher.verify("any horse".into(), None).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_hash_of_weaker_parameters_is_recognized() {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8192, 1, 1, None).unwrap());
        let weak = argon2::password_hash::PasswordHasher::hash_password(&argon2, b"correct horse")
            .unwrap()
            .to_string();
        let verdict = Hasher::start(1, 8, 0).verify("correct horse".into(), Some(weak)).await.unwrap();
        assert_eq!(verdict, Verdict::RightButOutdated);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_with_a_time_to_retry() {
        let hasher = Hasher::start(1, 1, 0);
        let tries = (0..16).map(|_| {
            tokio::spawn({
                let hasher = hasher.clone();
                async move { hasher.verify("x".into(), None).await }
            })
        });
        let mut busy = 0;
        for one in tries.collect::<Vec<_>>() {
            busy += usize::from(matches!(one.await.unwrap(), Err(HashError::Busy)));
        }
        assert!((8..16).contains(&busy), "{busy} of 16 were refused");
    }

    #[tokio::test]
    async fn one_holder_takes_a_quarter_of_the_queue_and_no_more() {
        let hasher = Hasher::start(1, 8, 0);
        let (one, other) = ([b"one".to_vec()], [b"other".to_vec()]);
        let both = [one.clone(), other.clone()].concat();
        let taken = [hasher.reserve(&one).unwrap(), hasher.reserve(&both).unwrap()];
        assert!(matches!(hasher.reserve(&one), Err(HashError::ShareTaken)));
        assert!(matches!(hasher.reserve(&both), Err(HashError::ShareTaken)));
        let second = hasher.reserve(&other).unwrap();
        assert!(hasher.reserve(&other).is_err(), "a refusal takes nothing, and gives nothing back");
        drop(taken);
        hasher.reserve(&one).unwrap();
        drop(second);
        assert!(
            hasher.shares.taken.lock().unwrap().is_empty(),
            "nothing is remembered of those who have left"
        );
        assert_eq!(hasher.places.available_permits(), 8);
    }

    #[tokio::test]
    async fn a_known_user_has_a_place_in_a_full_queue() {
        let hasher = Hasher::start(1, 4, 0);
        let strangers: Vec<_> = (0..4).map(|_| hasher.reserve(&[]).unwrap()).collect();
        assert!(matches!(hasher.reserve(&[]), Err(HashError::Busy)));
        let known = hasher.reserve_for_known(&[]).unwrap();
        assert!(matches!(hasher.reserve_for_known(&[]), Err(HashError::Busy)), "a quarter as many");
        assert_eq!(known.verify("wrong".into(), None).await.unwrap(), Verdict::Wrong);
        drop(strangers);
    }
}
