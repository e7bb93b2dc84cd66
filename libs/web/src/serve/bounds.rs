use std::time::Duration;

use kernel::Env;

/// What bounds the connections of a process.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// How many there may be at once; more wait in the queue of the system.
    pub connections: usize,
    /// How long one may take to send the head of its next request.
    pub idle: Duration,
    /// How long the process says that it is not ready before it stops to accept: what balances load must notice.
    pub notice: Duration,
    /// How long requests may still run after that.
    pub drain: Duration,
    /// How slowly a body may come.
    pub body: BodyRate,
}

/// The least that is taken of a body: who sends more slowly than this, on average over each window, is not waited for. Time
/// in which a service does not ask for more is not counted.
#[derive(Debug, Clone, Copy)]
pub struct BodyRate {
    /// Bytes of each second.
    pub bytes: u32,
    /// What the average is taken over.
    pub window: Duration,
}

impl Default for BodyRate {
    fn default() -> Self {
        Self { bytes: 1024, window: Duration::from_secs(30) }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 4096,
            idle: Duration::from_secs(30),
            notice: Duration::ZERO,
            drain: Duration::from_secs(20),
            body: BodyRate::default(),
        }
    }
}

impl Bounds {
    /// Reads `NEXO_MAX_CONNECTIONS`, `NEXO_KEEPALIVE_SECONDS`, `NEXO_DRAIN_NOTICE_SECONDS` and `NEXO_DRAIN_SECONDS`.
    pub fn read(env: &mut Env) -> Self {
        let notice = if env.production() { 5 } else { 0 };
        let usual = Self::default();
        Self {
            connections: connections(env, usual.connections),
            idle: env.seconds("NEXO_KEEPALIVE_SECONDS", usual.idle.as_secs(), 1..=300),
            notice: env.seconds("NEXO_DRAIN_NOTICE_SECONDS", notice, 0..=300),
            drain: env.seconds("NEXO_DRAIN_SECONDS", usual.drain.as_secs(), 1..=600),
            body: usual.body,
        }
    }
}

fn connections(env: &mut Env, usual: usize) -> usize {
    const NAME: &str = "NEXO_MAX_CONNECTIONS";
    let wanted = env.parsed(NAME, usual);
    if !(1..=1_000_000).contains(&wanted) {
        env.mistake(NAME, "is not from 1 to 1000000");
    }
    wanted.clamp(1, 1_000_000)
}
