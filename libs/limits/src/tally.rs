use metrics::{Counter, counter};

/// Counts decisions about one kind of bucket. The counters are looked up once: a process installs its recorder first.
#[derive(Clone)]
pub struct Tally {
    allowed: Counter,
    refused: Counter,
}

impl Tally {
    /// `nexo_limiter_decisions_total` of this kind of bucket.
    #[must_use]
    pub fn of(bucket: &'static str) -> Self {
        let outcome =
            |outcome| counter!("nexo_limiter_decisions_total", "bucket" => bucket, "outcome" => outcome);
        Self { allowed: outcome("allowed"), refused: outcome("refused") }
    }

    /// One more.
    pub fn count(&self, allowed: bool) {
        if allowed { &self.allowed } else { &self.refused }.increment(1);
    }
}
