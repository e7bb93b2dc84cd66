use metrics::{Counter, counter};

/// Counts decisions for one kind of bucket. Counters are resolved once, so the metrics recorder must be installed
/// before.
#[derive(Clone)]
pub struct DecisionCounter {
    allowed: Counter,
    refused: Counter,
}

impl DecisionCounter {
    /// Creates the counters `nexo_limiter_decisions_total` for this kind of bucket.
    #[must_use]
    pub fn new(bucket: &'static str) -> Self {
        let outcome =
            |outcome| counter!("nexo_limiter_decisions_total", "bucket" => bucket, "outcome" => outcome);
        Self { allowed: outcome("allowed"), refused: outcome("refused") }
    }

    /// Counts one decision.
    pub fn count(&self, allowed: bool) {
        if allowed { &self.allowed } else { &self.refused }.increment(1);
    }
}
