//! Passwords, hashed by argon2id on threads of their own.
//!
//! A hash takes 19 MiB and about 20 ms of a core (OWASP's first choice: m = 19456 KiB, t = 2, p = 1), so it never runs
//! on the threads that serve requests, and only so many wait: the surplus is told to come back later, before it has cost
//! anything. Of the places in the queue an e-mail, an address or an account has a share, so that none keeps out the others. Those threads give way to others of the process: who logs in waits anyhow, and a request of somebody else
//! takes less than a millisecond.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Instant,
};

use argon2::{Algorithm, Argon2, Block, Params, Version, password_hash::phc::PasswordHash};
use aws_lc_rs::constant_time;
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};

use crate::secret::random;

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Why there is no hash, or no verdict.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// As many passwords as may wait are waiting.
    #[error("too many logins at once")]
    Busy,
    /// As many of them as may wait are of one e-mail, one address or one account.
    #[error("too many passwords of one e-mail, address or account at once")]
    ShareTaken,
    /// The threads are gone: the process is ending.
    #[error("passwords cannot be hashed any more")]
    Stopped,
    /// A stored hash that argon2 cannot read.
    #[error("a stored password hash cannot be used")]
    Unusable,
}

/// What became of a password that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the one.
    Right,
    /// It is the one, and its hash is of weaker parameters than today's: hash it again.
    RightButOutdated,
    /// It is not.
    Wrong,
}

/// Hashes and verifies passwords.
#[derive(Debug, Clone)]
pub struct Hasher {
    jobs: mpsc::Sender<Queued>,
    places: Arc<Semaphore>,
    shares: Arc<Shares>,
    waiting: Gauge,
    refused: Counter,
}

/// Of how many places each share-holder has how many taken.
#[derive(Debug)]
struct Shares {
    taken: Mutex<HashMap<Vec<u8>, usize>>,
    most: usize,
}

/// The part of the queue that one e-mail, address or account may take: a quarter, and one place at least.
const PART: usize = 4;

/// A place in the queue: who has one is served.
#[derive(Debug)]
pub struct Place {
    jobs: mpsc::Sender<Queued>,
    seat: Seat,
}

/// Counted for as long as it is taken.
#[derive(Debug)]
struct Seat {
    _permit: OwnedSemaphorePermit,
    waiting: Gauge,
    shares: Arc<Shares>,
    holders: Vec<Vec<u8>>,
}

/// A job, and the place that is free again when it begins.
type Queued = (Job, Seat);

#[derive(Debug)]
enum Job {
    Hash(SecretString, oneshot::Sender<Result<String, HashError>>),
    Verify(SecretString, Option<String>, oneshot::Sender<Result<Verdict, HashError>>),
}

impl Hasher {
    /// Starts `threads` threads, for whose work at most `waiting` passwords queue. They give way to other threads as far as
    /// `nice` says, from 0 to 19.
    #[must_use]
    pub fn start(threads: usize, waiting: usize, nice: u8) -> Self {
        let (sender, jobs) = mpsc::channel();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..threads.max(1) {
            let (jobs, times) = (Arc::clone(&jobs), histogram!("nexo_hashing_duration_seconds"));
            thread::spawn(move || {
                give_way(nice);
                Worker { memory: Vec::new(), times }.run(&jobs);
            });
        }
        let waiting = waiting.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            jobs: sender,
            places: Arc::new(Semaphore::new(waiting)),
            shares: Arc::new(Shares { taken: Mutex::default(), most: (waiting / PART).max(1) }),
            waiting: gauge!("nexo_hashing_waiting"),
            refused: counter!("nexo_hashing_rejected_total"),
        }
    }

    /// A place in the queue, to be taken before anything else is done for somebody who may have to come back later. It counts
    /// for each of `holders`, none of which takes more than its share: an e-mail, an address, an account.
    pub fn place(&self, holders: &[Vec<u8>]) -> Result<Place, HashError> {
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|refused| match refused {
            TryAcquireError::NoPermits => {
                self.refused.increment(1);
                HashError::Busy
            }
            TryAcquireError::Closed => HashError::Stopped,
        })?;
        if !self.shares.take(holders) {
            return Err(HashError::ShareTaken);
        }
        self.waiting.increment(1);
        let (waiting, shares) = (self.waiting.clone(), Arc::clone(&self.shares));
        let seat = Seat { _permit: permit, waiting, shares, holders: holders.to_vec() };
        Ok(Place { jobs: self.jobs.clone(), seat })
    }

    /// A PHC string for a new password.
    pub async fn hash(&self, password: SecretString) -> Result<String, HashError> {
        self.place(&[])?.hash(password).await
    }

    /// Tries a password against a stored hash; without one (nobody has that e-mail) it does the same work and says no.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<Verdict, HashError> {
        self.place(&[])?.verify(password, stored).await
    }
}

impl Shares {
    /// Takes a place for each of `holders`, or none.
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

impl Drop for Seat {
    fn drop(&mut self) {
        self.waiting.decrement(1);
        self.shares.give_back(&self.holders);
    }
}

impl Place {
    /// See [`Hasher::hash`].
    pub async fn hash(self, password: SecretString) -> Result<String, HashError> {
        let (answer, hashed) = oneshot::channel();
        self.queue(Job::Hash(password, answer))?;
        hashed.await.map_err(|_| HashError::Stopped)?
    }

    /// See [`Hasher::verify`].
    pub async fn verify(self, password: SecretString, stored: Option<String>) -> Result<Verdict, HashError> {
        let (answer, verdict) = oneshot::channel();
        self.queue(Job::Verify(password, stored, answer))?;
        verdict.await.map_err(|_| HashError::Stopped)?
    }

    fn queue(self, job: Job) -> Result<(), HashError> {
        self.jobs.send((job, self.seat)).map_err(|_| HashError::Stopped)
    }
}

/// Lets other threads go first. Only Linux has a priority for each thread: elsewhere this would be the whole process.
#[cfg(target_os = "linux")]
fn give_way(nice: u8) {
    if let Err(error) = rustix::process::setpriority_process(None, nice.into()) {
        tracing::warn!(error = &error as &dyn std::error::Error, "hashing competes with requests");
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way(_: u8) {}

/// One thread and the memory it hashes in: kept, since clearing 19 MiB anew takes a third of the time.
struct Worker {
    memory: Vec<Block>,
    times: Histogram,
}

impl Worker {
    fn run(mut self, jobs: &Mutex<mpsc::Receiver<Queued>>) {
        loop {
            let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((job, place)) = next else { return };
            drop(place);
            // Nobody reads the answer when the request was given up: that is not our concern.
            match job {
                Job::Hash(password, answer) => drop(answer.send(self.hash(&password))),
                Job::Verify(password, stored, answer) => {
                    if !answer.is_closed() {
                        drop(answer.send(self.verify(&password, stored.as_deref())));
                    }
                }
            }
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
    async fn a_hash_of_weaker_parameters_is_told() {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8192, 1, 1, None).unwrap());
        let weak = argon2::password_hash::PasswordHasher::hash_password(&argon2, b"correct horse")
            .unwrap()
            .to_string();
        let verdict = Hasher::start(1, 8, 0).verify("correct horse".into(), Some(weak)).await.unwrap();
        assert_eq!(verdict, Verdict::RightButOutdated);
    }

    #[tokio::test]
    async fn the_surplus_is_told_to_come_back() {
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
        let taken = [hasher.place(&one).unwrap(), hasher.place(&both).unwrap()];
        assert!(matches!(hasher.place(&one), Err(HashError::ShareTaken)));
        assert!(matches!(hasher.place(&both), Err(HashError::ShareTaken)));
        let second = hasher.place(&other).unwrap();
        assert!(hasher.place(&other).is_err(), "a refusal takes nothing, and gives nothing back");
        drop(taken);
        hasher.place(&one).unwrap();
        drop(second);
        assert!(
            hasher.shares.taken.lock().unwrap().is_empty(),
            "nothing is remembered of those who have left"
        );
        assert_eq!(hasher.places.available_permits(), 8);
    }
}
