//! Ports for servers that a test starts as processes.

use std::{
    net::TcpListener,
    process,
    sync::atomic::{AtomicU16, Ordering},
};

/// Ports below the ephemeral range of Linux (`ip_local_port_range`, ip(7)): outgoing connections take none of them before
/// the server listens.
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on which nothing listens, and which no other call of this process returns. Processes begin far apart.
pub fn free_port() -> u16 {
    let start = u16::try_from(process::id() % u32::from(COUNT / 50)).unwrap() * 50;
    loop {
        let at = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (start + at % COUNT) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
