use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::Failure;

/// Metrics of an upstream service.
pub(super) struct Meters {
    answered: Counter,
    broken: Counter,
    timed_out: Counter,
    nobody_up: Counter,
    again: Counter,
    times: Histogram,
}

impl Meters {
    pub(super) fn new(service: &'static str) -> Self {
        let count =
            |outcome| counter!("nexo_upstream_requests_total", "service" => service, "outcome" => outcome);
        Self {
            answered: count("answered"),
            broken: count("broken"),
            timed_out: count("timed_out"),
            nobody_up: count("nobody_up"),
            again: counter!("nexo_upstream_retries_total", "service" => service),
            times: histogram!("nexo_upstream_request_duration_seconds", "service" => service),
        }
    }

    pub(super) fn answered(&self, time: Duration) {
        self.answered.increment(1);
        self.times.record(time);
    }

    pub(super) fn failed(&self, failure: &Failure, time: Duration) {
        match failure {
            Failure::NobodyIsUp(_) => return self.nobody_up.increment(1),
            Failure::TimedOut(_) => self.timed_out.increment(1),
            Failure::Broken(..) => self.broken.increment(1),
        }
        self.times.record(time);
    }

    pub(super) fn tried_again(&self) {
        self.again.increment(1);
    }
}

/// Gauge that is 1 while the circuit is open. Labels come from settings, so their number is bounded.
pub(super) fn open(service: &'static str, address: &str) -> Gauge {
    let gauge = gauge!("nexo_upstream_circuit_open", "service" => service, "address" => address.to_owned());
    gauge.set(0);
    gauge
}
