use std::time::Duration;

use db::Backlog;
use metrics::gauge;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Interval of the backlog measurement.
const LOOK: Duration = Duration::from_secs(5);

/// Measures the outbox backlog, independently of the relay: the backlog grows while the relay is blocked.
pub(crate) async fn watch(mut backlog: Backlog, stop: CancellationToken) {
    let (waiting, lag) = (gauge!("nexo_outbox_pending_events"), gauge!("nexo_outbox_lag_seconds"));
    while !stop.is_cancelled() {
        match backlog.look().await {
            Ok(now) => {
                waiting.set(f64::from(now.waiting));
                lag.set(now.seconds);
            }
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the outbox cannot be looked at");
            }
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            () = stop.cancelled() => {}
        }
    }
}
