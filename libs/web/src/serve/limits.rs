use std::time::Duration;

use kernel::Env;

/// Limits of a process's connections.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Maximum number of connections; further ones wait in the listen backlog.
    pub connections: usize,
    /// Timeout for the head of the next request on a connection.
    pub idle: Duration,
    /// Time for which readiness fails before the process stops accepting, so that load balancers notice.
    pub notice: Duration,
    /// Time for which running requests may then continue.
    pub drain: Duration,
    /// Minimum rate of request bodies.
    pub body: BodyRate,
}

/// Minimum rate of a request body, as an average over each window. Slower requests are aborted. Time in which the
/// service itself does not read is not counted.
#[derive(Debug, Clone, Copy)]
pub struct BodyRate {
    /// Minimum number of bytes per second.
    pub bytes: u32,
    /// Window over which the average is computed.
    pub window: Duration,
}

impl Default for BodyRate {
    fn default() -> Self {
        Self { bytes: 1024, window: Duration::from_secs(30) }
    }
}

impl Default for ConnectionLimits {
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

impl ConnectionLimits {
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
        env.report(NAME, "is not from 1 to 1000000");
    }
    wanted.clamp(1, 1_000_000)
}
