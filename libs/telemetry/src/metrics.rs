use std::{
    sync::{OnceLock, PoisonError, RwLock},
    time::Duration,
};

use metrics::{describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::time::sleep;

use crate::{METRICS, MetricKind, process};

/// Histogram buckets in seconds. Most responses take less than a millisecond, and none more than half a minute.
const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    30.0,
];
/// Interval at which recorded samples are drained into buckets, with or without scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

static STARTED: OnceLock<Metrics> = OnceLock::new();

/// Additional source of metrics text.
type Source = Box<dyn Fn() -> String + Send + Sync>;

/// Metrics registry of this process.
pub struct Metrics {
    counted: PrometheusHandle,
    others: RwLock<Vec<Source>>,
}

impl Metrics {
    /// Installs the recorder, once per process. Metric handles created before record nothing.
    pub fn start() -> &'static Self {
        STARTED.get_or_init(|| {
            let buckets = PrometheusBuilder::new().set_buckets(SECONDS); // fails if there are none
            let recorder = buckets.unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
            let counted = recorder.handle();
            // If another recorder is installed in this process, ours stays empty.
            if metrics::set_global_recorder(recorder).is_ok() {
                describe();
            }
            gauge!("process_start_time_seconds").set(process::now());
            Self { counted, others: RwLock::default() }
        })
    }

    /// Adds a source of metrics text, evaluated on each scrape.
    pub fn register(&self, source: impl Fn() -> String + Send + Sync + 'static) {
        self.others.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(source));
    }

    /// All metrics in the text format of Prometheus. Reads files in `/proc`.
    #[must_use]
    pub fn text(&self) -> String {
        process::look();
        let mut text = self.counted.render();
        for source in self.others.read().unwrap_or_else(PoisonError::into_inner).iter() {
            text.push_str(&source());
        }
        text
    }

    /// Drains samples periodically, to bound their memory; never returns.
    pub async fn run_upkeep(&self) {
        loop {
            sleep(UPKEEP).await;
            self.counted.run_upkeep();
        }
    }
}

fn describe() {
    for metric in METRICS {
        match metric.sort {
            MetricKind::Counter => describe_counter!(metric.name, metric.says),
            MetricKind::Gauge => describe_gauge!(metric.name, metric.says),
            MetricKind::Histogram => describe_histogram!(metric.name, metric.says),
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics::{counter, histogram};

    use super::*;

    #[test]
    fn a_metric_is_exported_with_its_description() {
        let metrics = Metrics::start();
        counter!("nexo_hashing_rejected_total").increment(2);
        histogram!("nexo_hashing_duration_seconds").record(0.02);
        metrics.register(|| "nexo_backups 3\n".to_owned());
        let text = metrics.text();
        for line in [
            "# HELP nexo_hashing_rejected_total Passwords rejected because the hashing queue was full.",
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
