use std::{
    sync::{OnceLock, PoisonError, RwLock},
    time::Duration,
};

use metrics::{describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::time::sleep;

use crate::{METRICS, Sort, process};

/// Most answers take less than a millisecond, and none more than half a minute.
const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    30.0,
];
/// What was measured is kept one by one until it is put into its buckets: so often, asked or not.
const UPKEEP: Duration = Duration::from_secs(5);

static STARTED: OnceLock<Metrics> = OnceLock::new();

/// Text that somebody else has.
type Source = Box<dyn Fn() -> String + Send + Sync>;

/// What this process has counted.
pub struct Metrics {
    counted: PrometheusHandle,
    others: RwLock<Vec<Source>>,
}

impl Metrics {
    /// Starts to count, once in a process. A handle that was made before counts nothing.
    pub fn start() -> &'static Self {
        STARTED.get_or_init(|| {
            let buckets = PrometheusBuilder::new().set_buckets(SECONDS); // fails when there are none
            let recorder = buckets.unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
            let counted = recorder.handle();
            // Somebody else may count in this process; then we have nothing to tell.
            if metrics::set_global_recorder(recorder).is_ok() {
                describe();
            }
            gauge!("process_start_time_seconds").set(process::now());
            Self { counted, others: RwLock::default() }
        })
    }

    /// Adds text that somebody else has, as it is when it is asked for.
    pub fn also(&self, source: impl Fn() -> String + Send + Sync + 'static) {
        self.others.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(source));
    }

    /// All of it, in the text format of Prometheus. It reads files.
    #[must_use]
    pub fn text(&self) -> String {
        process::look();
        let mut text = self.counted.render();
        for source in self.others.read().unwrap_or_else(PoisonError::into_inner).iter() {
            text.push_str(&source());
        }
        text
    }

    /// Keeps what was measured small, for as long as somebody waits for it.
    pub async fn keep_up(&self) {
        loop {
            sleep(UPKEEP).await;
            self.counted.run_upkeep();
        }
    }
}

fn describe() {
    for metric in METRICS {
        match metric.sort {
            Sort::Counter => describe_counter!(metric.name, metric.says),
            Sort::Gauge => describe_gauge!(metric.name, metric.says),
            Sort::Histogram => describe_histogram!(metric.name, metric.says),
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics::{counter, histogram};

    use super::*;

    #[test]
    fn what_is_counted_is_told_with_what_it_says() {
        let metrics = Metrics::start();
        counter!("nexo_hashing_rejected_total").increment(2);
        histogram!("nexo_hashing_duration_seconds").record(0.02);
        metrics.also(|| "nexo_backups 3\n".to_owned());
        let text = metrics.text();
        for line in [
            "# HELP nexo_hashing_rejected_total Passwords that found the queue full.",
            "nexo_hashing_rejected_total 2",
            "nexo_hashing_duration_seconds_bucket{le=\"0.025\"} 1",
            "nexo_hashing_duration_seconds_bucket{le=\"0.01\"} 0",
            "nexo_backups 3",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in {text}");
        }
        #[cfg(target_os = "linux")]
        for name in ["process_resident_memory_bytes", "process_open_fds", "process_max_fds"] {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
            assert!(value.unwrap() > 1.0, "{name}");
        }
    }
}
