//! Every metric of ours: its name, its sort, and what it is for. `docs/operations.md` has the same table.

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// As Prometheus knows it.
    pub name: &'static str,
    /// What sort of number it is.
    pub sort: Sort,
    /// What it says.
    pub says: &'static str,
}

/// What sort of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// It only grows.
    Counter,
    /// It is what it is now.
    Gauge,
    /// How many were how large.
    Histogram,
}

const fn counter(name: &'static str, says: &'static str) -> Metric {
    Metric { name, sort: Sort::Counter, says }
}

const fn gauge(name: &'static str, says: &'static str) -> Metric {
    Metric { name, sort: Sort::Gauge, says }
}

const fn histogram(name: &'static str, says: &'static str) -> Metric {
    Metric { name, sort: Sort::Histogram, says }
}

/// All of them. Names are those of the OpenTelemetry semantic conventions where these have one.
pub const METRICS: &[Metric] = &[
    histogram("http_server_request_duration_seconds", "Requests, and the time until their answers began."),
    gauge("http_server_active_requests", "Requests whose answers have not begun."),
    gauge("db_client_connection_count", "Connections to the database, by what they do."),
    gauge("db_client_connection_max", "Connections to the database that there may be."),
    gauge("db_client_connection_pending_requests", "Requests that wait for a connection to the database."),
    histogram("db_client_connection_wait_time_seconds", "The time that it took to get a connection."),
    counter("db_client_connection_timeouts_total", "Requests that got no connection in time."),
    counter(
        "nexo_token_cache_requests_total",
        "Access tokens that were looked at, by whether they were known.",
    ),
    counter("nexo_upstream_requests_total", "Requests to services, by how they ended."),
    histogram("nexo_upstream_request_duration_seconds", "The time until a service's answer began."),
    counter("nexo_upstream_retries_total", "Requests that were sent to a service a second time."),
    gauge("nexo_upstream_open", "1: this address of a service has failed, and is not asked for a while."),
    counter("nexo_limiter_decisions_total", "Requests that the limiter was asked about, by what it said."),
    gauge("nexo_limiter_degraded", "1: limits are held by each gateway alone."),
    counter("nexo_limiter_leases_total", "Leases that the limiter has asked for."),
    gauge(
        "nexo_revocation_troubles",
        "Of listening and telling of ended sessions, how many do not work now.",
    ),
    gauge("nexo_hashing_waiting", "Passwords that wait to be hashed."),
    counter("nexo_hashing_refused_total", "Passwords that found the queue full."),
    histogram("nexo_hashing_duration_seconds", "The time that it took to hash a password."),
    gauge("nexo_signing_key_age_seconds", "For how long the key signs that signs access tokens."),
    gauge("nexo_outbox_waiting", "Events that wait in the outbox, up to 10000."),
    gauge("nexo_outbox_lag_seconds", "For how long the oldest event waits; 0: none does."),
    counter("nexo_outbox_published_total", "Events that have left the outbox."),
    counter("nexo_events_consumed_total", "Events that were worked on, by consumer and outcome."),
    gauge("nexo_events_troubles", "Parts of the delivery of events that do not work now."),
    gauge("nexo_jobs_running", "Jobs that are being worked at."),
    gauge("nexo_unknown_settings", "Variables that are named like settings of NEXO, and are none."),
    counter("nexo_schedule_failures_total", "Scheduled backups, prunings and drills that have failed."),
    gauge("process_resident_memory_bytes", "Memory that the process has."),
    counter("process_cpu_seconds_total", "Processor time that the process has used."),
    gauge("process_open_fds", "Files that the process has open."),
    gauge("process_max_fds", "Files that the process may have open."),
    gauge("process_start_time_seconds", "When the process began to count, in seconds since 1970."),
];
