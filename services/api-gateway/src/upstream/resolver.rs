//! DNS resolution of names with several addresses, such as the replicas of a service in a container network.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
    vec,
};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower::Service;

/// Resolver that rotates the addresses of a name: the system sorts them, so that all connections would go to the
/// first. If one refuses, the next is tried.
#[derive(Clone)]
pub(super) struct RoundRobinResolver {
    system: GaiResolver,
    turn: Arc<AtomicUsize>,
}

impl RoundRobinResolver {
    pub(super) fn new() -> Self {
        Self { system: GaiResolver::new(), turn: Arc::default() }
    }
}

impl Service<Name> for RoundRobinResolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.system.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let found = self.system.call(name);
        let turn = self.turn.fetch_add(1, Relaxed);
        Box::pin(async move { Ok(from_turn(found.await?.collect(), turn).into_iter()) })
    }
}

fn from_turn(mut addresses: Vec<SocketAddr>, turn: usize) -> Vec<SocketAddr> {
    let first = turn % addresses.len().max(1);
    addresses.rotate_left(first);
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_of_a_name_comes_first_in_turn() {
        let all: Vec<SocketAddr> = ["10.0.0.2:1", "10.0.0.3:1"].map(|one| one.parse().unwrap()).to_vec();
        let first = |turn| from_turn(all.clone(), turn).first().copied();
        assert_eq!([first(0), first(1), first(2)], [Some(all[0]), Some(all[1]), Some(all[0])]);
        assert!(from_turn(Vec::new(), 3).is_empty());
    }
}
