//! Load balancing over the addresses of a service: least loaded first, without those whose circuit is open.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use http::uri::Authority;
use metrics::Gauge;

use super::{
    breaker::{Breaker, BreakerConfig, Permit},
    early::Connector,
    meters::{self, Meters},
    pool::ConnectionPool,
};

/// All addresses of a service.
pub(super) struct EndpointPool {
    all: Vec<Arc<Endpoint>>,
    turn: AtomicUsize,
    pub(super) meters: Arc<Meters>,
}

struct Endpoint {
    address: Authority,
    pool: ConnectionPool,
    in_flight: AtomicUsize,
    breaker: Breaker,
    meters: Arc<Meters>,
    open: Gauge,
}

/// A request in flight at an instance, until its response was sent.
pub(super) struct InFlight {
    instance: Arc<Endpoint>,
    pass: Permit,
    is_judged: bool,
}

impl EndpointPool {
    pub(super) fn new(
        service: &'static str,
        addresses: &[Authority],
        rules: BreakerConfig,
        connector: &Connector,
    ) -> Self {
        let meters = Arc::new(Meters::new(service));
        let instance = |address: &Authority| {
            Arc::new(Endpoint {
                address: address.clone(),
                pool: ConnectionPool::new(address, connector.clone()),
                in_flight: AtomicUsize::new(0),
                breaker: Breaker::new(rules),
                meters: Arc::clone(&meters),
                open: meters::open(service, address.as_str()),
            })
        };
        Self { all: addresses.iter().map(instance).collect(), turn: AtomicUsize::new(0), meters }
    }

    /// Chooses an instance for a first attempt.
    pub(super) fn choose(&self) -> Option<InFlight> {
        self.least_loaded(|_| true)
    }

    /// Chooses an instance for a retry: another one, if possible.
    pub(super) fn choose_after(&self, lost: &InFlight) -> Option<InFlight> {
        self.least_loaded(|one| !Arc::ptr_eq(one, &lost.instance)).or_else(|| self.choose())
    }

    /// Closes connections that have been idle for too long.
    pub(super) fn expire(&self) {
        self.all.iter().for_each(|one| one.pool.expire());
    }

    fn least_loaded(&self, wanted: impl Fn(&Arc<Endpoint>) -> bool) -> Option<InFlight> {
        let (now, turn) = (Instant::now(), self.turn.fetch_add(1, Relaxed));
        let in_turn = || self.all.iter().cycle().skip(turn % self.all.len().max(1)).take(self.all.len());
        // A concurrent request may take the trial of an instance between check and permit.
        (0..=self.all.len()).find_map(|_| {
            let admitted = in_turn().filter(|one| wanted(one) && one.breaker.admits(now));
            InFlight::begin(admitted.min_by_key(|one| one.in_flight.load(Relaxed))?, now)
        })
    }
}

impl InFlight {
    fn begin(instance: &Arc<Endpoint>, now: Instant) -> Option<Self> {
        let pass = instance.breaker.pass(now)?;
        instance.in_flight.fetch_add(1, Relaxed);
        Some(Self { instance: Arc::clone(instance), pass, is_judged: false })
    }

    pub(super) fn address(&self) -> &Authority {
        &self.instance.address
    }

    /// Connections to the instance.
    pub(super) fn pool(&self) -> &ConnectionPool {
        &self.instance.pool
    }

    pub(super) fn meters(&self) -> &Meters {
        &self.instance.meters
    }

    pub(super) fn succeeded(&mut self, time: Duration) {
        self.is_judged = true;
        if self.instance.breaker.succeeded(self.pass) {
            self.instance.open.set(0);
        }
        self.instance.meters.answered(time);
    }

    pub(super) fn failed(&mut self) {
        self.is_judged = true;
        if self.instance.breaker.failed(self.pass, Instant::now()) {
            self.instance.open.set(1);
            tracing::warn!(upstream = %self.instance.address, "a service has failed and is not asked for a while");
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.instance.in_flight.fetch_sub(1, Relaxed);
        if !self.is_judged {
            self.instance.breaker.left(self.pass, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::connector, *};

    fn instances(addresses: &[&'static str]) -> EndpointPool {
        let addresses: Vec<_> = addresses.iter().copied().map(Authority::from_static).collect();
        let rules = BreakerConfig { failures: 1, rest: Duration::from_secs(60) };
        EndpointPool::new("a test", &addresses, rules, &connector())
    }

    #[test]
    fn the_least_loaded_instance_is_chosen() {
        let instances = instances(&["a:1", "b:1", "c:1"]);
        let mut flights: Vec<_> = (0..30).map(|_| instances.choose().unwrap()).collect();
        let of =
            |flights: &[InFlight], name: &str| flights.iter().filter(|one| one.address() == name).count();
        assert_eq!([of(&flights, "a:1"), of(&flights, "b:1"), of(&flights, "c:1")], [10, 10, 10]);
        flights.retain(|flight| flight.address() != "b:1");
        let next: Vec<_> = (0..10).map(|_| instances.choose().unwrap()).collect();
        assert_eq!(of(&next, "b:1"), 10);
    }

    #[test]
    fn what_was_lost_goes_elsewhere_if_it_can() {
        let instances = instances(&["a:1", "b:1"]);
        let mut lost = instances.choose().unwrap();
        for _ in 0..4 {
            assert_ne!(instances.choose_after(&lost).unwrap().address(), lost.address());
        }
        lost.failed();
        let mut other = instances.choose().unwrap();
        assert_eq!(instances.choose_after(&other).unwrap().address(), other.address(), "the first one rests");
        other.failed();
        assert!(instances.choose().is_none());
    }
}
