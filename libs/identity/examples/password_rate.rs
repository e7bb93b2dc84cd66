//! Benchmark of argon2 alone: hashes per second, with the parameters and the reused memory of a
//! [`identity::Hasher`]. Run by `bench/auth`: `password_rate THREADS SECONDS`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that tells its result")]

use std::{
    env::args,
    thread,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};

fn main() {
    let mut numbers = args().skip(1).map(|number| number.parse::<u32>().unwrap());
    let (threads, seconds) = (numbers.next().unwrap(), numbers.next().unwrap());
    let time = Duration::from_secs(seconds.into());
    let workers: Vec<_> = (0..threads).map(|_| thread::spawn(move || hash_for(time))).collect();
    let rate: f64 = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    println!("{rate:.3}");
}

/// Hashes per second of one thread.
fn hash_for(time: Duration) -> f64 {
    let argon2 =
        Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19_456, 2, 1, Some(32)).unwrap());
    let mut memory = vec![Block::default(); argon2.params().block_count()];
    let mut out = [0; 32];
    let mut hash =
        || argon2.hash_password_into_with_memory(b"correct-horse-battery", &[7; 16], &mut out, &mut memory);
    hash().unwrap(); // warm-up: touches the memory for the first time
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < time {
        hash().unwrap();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}
