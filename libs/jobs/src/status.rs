//! Status of a job, and how it ends.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Status of a background job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    /// Waits for a worker, or is being run.
    Due,
    /// Has processed everything.
    Done,
    /// Was ended by an error.
    Failed,
    /// Was ended by a user.
    Cancelled,
}

impl JobStatus {
    /// The status as stored in `app.jobs.status`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How a job ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobOutcome {
    /// Everything was processed.
    Done,
    /// A user has cancelled it.
    Cancelled,
    /// It cannot continue, for the reason with this code.
    Failed(&'static str),
}

impl JobOutcome {
    /// Status of the ended job.
    pub const fn status(self) -> JobStatus {
        match self {
            Self::Done => JobStatus::Done,
            Self::Cancelled => JobStatus::Cancelled,
            Self::Failed(_) => JobStatus::Failed,
        }
    }

    /// Code of the reason for which the job failed.
    pub const fn problem(self) -> Option<&'static str> {
        match self {
            Self::Failed(code) => Some(code),
            Self::Done | Self::Cancelled => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_stored_as_it_is_serialized() {
        for status in [JobStatus::Due, JobStatus::Done, JobStatus::Failed, JobStatus::Cancelled] {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
