//! Subjects: the records that notes and activities are about.

mod subject_type;

use std::collections::HashMap;

use db::{Refusal, RefusalKind, TenantTx};
use uuid::Uuid;

pub use subject_type::SubjectType;

/// Reasons to refuse a record as a subject.
#[derive(Debug, thiserror::Error)]
pub enum SubjectRefusal {
    /// The subject does not exist or is out of scope. The answer does not reveal which.
    #[error("there is no such record")]
    NotFound,
    /// A note or activity cannot be moved to another record.
    #[error("it stays with the record that it was made for")]
    Fixed,
}

impl Refusal for SubjectRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "subject-not-found",
            Self::Fixed => "subject-immutable",
        }
    }

    fn kind(&self) -> RefusalKind {
        RefusalKind::Invalid
    }

    fn pointer(&self) -> Option<&'static str> {
        Some("/subject_id")
    }
}

/// Checks that the caller can access every one of these subjects, with one query per type.
pub(crate) async fn found(
    tx: &mut TenantTx,
    subjects: impl Iterator<Item = (SubjectType, Uuid)> + Send,
) -> db::Result<()> {
    let mut by_type: HashMap<SubjectType, Vec<Uuid>> = HashMap::new();
    for (of, id) in subjects {
        by_type.entry(of).or_default().push(id);
    }
    for (of, ids) in by_type {
        if !resource::all_exist(tx, of.target(), ids.into_iter()).await? {
            return Err(SubjectRefusal::NotFound.into());
        }
    }
    Ok(())
}
