//! Table of all metrics: name, kind and help text. `docs/operations/monitoring.md` contains the same table.

/// A metric with its help text.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Name of the metric in Prometheus.
    pub name: &'static str,
    /// Kind of the metric: counter, gauge or histogram.
    pub sort: MetricKind,
    /// Help text of the metric.
    pub says: &'static str,
}

/// Kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Counter: a monotonically increasing value.
    Counter,
    /// Gauge: a value that can go up and down.
    Gauge,
    /// Histogram: a distribution of values in buckets.
    Histogram,
}

const fn counter(name: &'static str, says: &'static str) -> Metric {
    Metric { name, sort: MetricKind::Counter, says }
}

const fn gauge(name: &'static str, says: &'static str) -> Metric {
    Metric { name, sort: MetricKind::Gauge, says }
}

const fn histogram(name: &'static str, says: &'static str) -> Metric {
    Metric { name, sort: MetricKind::Histogram, says }
}

/// All metrics. Names follow the OpenTelemetry semantic conventions where these define one.
pub const METRICS: &[Metric] = &[
    histogram("http_server_request_duration_seconds", "Duration of HTTP requests until the response begins."),
    gauge("http_server_active_requests", "HTTP requests in flight."),
    gauge("db_client_connections", "Database connections, by state."),
    gauge("db_client_connection_max", "Maximum number of database connections."),
    gauge("db_client_connection_pending_requests", "Requests waiting for a database connection."),
    histogram("db_client_connection_wait_time_seconds", "Time spent waiting for a database connection."),
    counter(
        "db_client_connection_timeouts_total",
        "Requests that timed out waiting for a database connection.",
    ),
    counter("nexo_token_cache_requests_total", "Access token lookups, by whether the token was cached."),
    counter("nexo_upstream_requests_total", "Requests to upstream services, by outcome."),
    histogram(
        "nexo_upstream_request_duration_seconds",
        "Duration of upstream requests until the response begins.",
    ),
    counter("nexo_upstream_retries_total", "Upstream requests that were retried."),
    gauge("nexo_upstream_circuit_open", "1 while the circuit breaker of this upstream address is open."),
    counter("nexo_limiter_decisions_total", "Rate limit decisions, by outcome."),
    gauge("nexo_limiter_degraded", "1 while limits are enforced by each gateway alone, without Redis."),
    counter("nexo_limiter_leases_total", "Rate limit leases requested from Redis."),
    gauge(
        "nexo_revocation_failing_components",
        "Components of session revocation (listening, publishing) that are failing.",
    ),
    gauge("nexo_hashing_waiting", "Passwords waiting to be hashed."),
    counter("nexo_hashing_rejected_total", "Passwords rejected because the hashing queue was full."),
    histogram("nexo_hashing_duration_seconds", "Time to hash one password."),
    gauge("nexo_signing_key_age_seconds", "Age of the key that signs access tokens."),
    gauge("nexo_outbox_pending_events", "Events pending in the outbox, counted up to 10000."),
    gauge("nexo_outbox_lag_seconds", "Age of the oldest pending event; 0 if none is pending."),
    counter("nexo_outbox_published_total", "Events published from the outbox."),
    counter("nexo_events_consumed_total", "Events consumed, by consumer and outcome."),
    gauge("nexo_events_failing_components", "Components of event delivery that are failing."),
    gauge("nexo_jobs_running", "Background jobs running."),
    gauge("nexo_unknown_settings", "Environment variables named NEXO_* that are no setting."),
    counter("nexo_schedule_failures_total", "Scheduled backups, prunes and drills that failed."),
    gauge("process_resident_memory_bytes", "Resident memory of the process."),
    counter("process_cpu_seconds_total", "CPU time used by the process."),
    gauge("process_open_fds", "Open file descriptors."),
    gauge("process_max_fds", "Maximum number of open file descriptors."),
    gauge("process_start_time_seconds", "Start time of the process, in seconds since the Unix epoch."),
];
