//! The kinds of job that a process runs.

use std::sync::Arc;

use async_trait::async_trait;

use crate::JobLease;

/// A kind of job, and how it is run.
#[async_trait]
pub trait Job: Send + Sync + 'static {
    /// Name of the kind, as stored in `app.jobs.kind`; never changes.
    fn kind(&self) -> &'static str;

    /// Runs the job until it ends, or has to yield and releases its lease. After an error the job is due again later.
    async fn run(&self, lease: &JobLease) -> db::Result<()>;

    /// Ends a job that was leased too often without progress, and whatever it was working on.
    async fn give_up(&self, lease: &JobLease) -> db::Result<()>;
}

/// The kinds that the workers of this process run.
#[derive(Clone)]
pub(crate) struct JobKinds(Arc<[Arc<dyn Job>]>);

impl JobKinds {
    pub(crate) fn new(jobs: Vec<Arc<dyn Job>>) -> Self {
        Self(jobs.into())
    }

    /// Names of all kinds.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|job| job.kind()).collect()
    }

    /// The kind with this name.
    pub(crate) fn find(&self, name: &str) -> Option<&dyn Job> {
        self.0.iter().find(|job| job.kind() == name).map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Named(&'static str);

    #[async_trait]
    impl Job for Named {
        fn kind(&self) -> &'static str {
            self.0
        }

        async fn run(&self, _: &JobLease) -> db::Result<()> {
            Ok(())
        }

        async fn give_up(&self, _: &JobLease) -> db::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_kind_is_found_by_its_name_if_it_is_registered() {
        let kinds = JobKinds::new(vec![Arc::new(Named("check")), Arc::new(Named("run"))]);
        assert_eq!(kinds.names(), ["check", "run"]);
        assert_eq!(kinds.find("run").map(Job::kind), Some("run"));
        assert!(kinds.find("undo").is_none());
    }
}
