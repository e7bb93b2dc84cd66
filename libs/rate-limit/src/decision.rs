use crate::BucketState;

/// Decision about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether the request is admitted.
    pub allowed: bool,
    /// State of the bucket after the decision.
    pub standing: BucketState,
}
