//! Subjects: records that other records are about. A note about a client is in scope only if the client may be
//! read.

use crate::{Resource, access::AccessScope};

/// A kind of record that others can be about, by `subject_type` (its name) and `subject_id` (the record's id).
#[derive(Clone, Copy)]
pub struct SubjectKind {
    name: &'static str,
    plural: &'static str,
    is_whole: fn(&AccessScope) -> bool,
    reading: fn(&AccessScope, &str, &str) -> Option<String>,
}

impl SubjectKind {
    /// The kind of subject for records of `R`.
    #[must_use]
    pub const fn new<R: Resource>() -> Self {
        Self {
            name: R::NAME,
            plural: R::TABLE,
            is_whole: AccessScope::reads_all::<R>,
            reading: AccessScope::reading_as::<R>,
        }
    }

    /// Name of the kind in `subject_type`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// SQL condition that `record` is about a readable record of this kind; `None` if none is readable.
    fn condition(&self, reach: &AccessScope, record: &str, person: &str) -> Option<String> {
        let Self { name, plural, .. } = self;
        let about = format!("about_{plural}");
        let readable = (self.reading)(reach, &about, person)?;
        Some(format!(
            "{record}.subject_type = '{name}' and exists (select from app.{plural} {about}
                 where {about}.account_id = $1 and {about}.id = {record}.subject_id{readable})"
        ))
    }
}

/// Whether all records of all these kinds may be read.
pub(crate) fn are_whole(kinds: &[SubjectKind], reach: &AccessScope) -> bool {
    kinds.iter().all(|kind| (kind.is_whole)(reach))
}

/// SQL condition (` and …`) that `person` may read the subject of `record`; empty if all subjects of these kinds
/// are readable. A subject in the trash counts like a live one, so its dependents stay in scope.
pub(crate) fn condition(kinds: &[SubjectKind], reach: &AccessScope, record: &str, person: &str) -> String {
    if are_whole(kinds, reach) {
        return String::new();
    }
    let (whole, partly): (Vec<&SubjectKind>, Vec<&SubjectKind>) =
        kinds.iter().partition(|kind| (kind.is_whole)(reach));
    let names: Vec<String> = whole.iter().map(|kind| format!("'{}'", kind.name)).collect();
    let all = (!names.is_empty()).then(|| format!("{record}.subject_type in ({})", names.join(", ")));
    let some = partly.iter().filter_map(|kind| kind.condition(reach, record, person));
    let either: Vec<String> = all.into_iter().chain(some).collect();
    if either.is_empty() { " and false".to_owned() } else { format!(" and ({})", either.join(" or ")) }
}
