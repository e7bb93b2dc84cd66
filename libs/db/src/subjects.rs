//! What records can be about. A note about a client follows the client: it is in reach as far as the client may be read.

use crate::{Resource, reach::Reach};

/// A kind of record that others can be about: their `subject_type` is its name, their `subject_id` the id of one.
#[derive(Clone, Copy)]
pub struct SubjectKind {
    name: &'static str,
    plural: &'static str,
    is_whole: fn(&Reach) -> bool,
    reading: fn(&Reach, &str, &str) -> Option<String>,
}

impl SubjectKind {
    /// Records of `R`.
    #[must_use]
    pub const fn of<R: Resource>() -> Self {
        Self {
            name: R::NAME,
            plural: R::PLURAL,
            is_whole: Reach::reads_all::<R>,
            reading: Reach::reading_as::<R>,
        }
    }

    /// The word in `subject_type`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The condition that `record` is about a record of this kind in reach; `None`: none is.
    fn condition(&self, reach: &Reach, record: &str, person: &str) -> Option<String> {
        let Self { name, plural, .. } = self;
        let about = format!("about_{plural}");
        let readable = (self.reading)(reach, &about, person)?;
        Some(format!(
            "{record}.subject_type = '{name}' and exists (select from app.{plural} {about}
                 where {about}.account_id = $1 and {about}.id = {record}.subject_id{readable})"
        ))
    }
}

/// Whether every record of all these kinds may be read.
pub(crate) fn are_whole(kinds: &[SubjectKind], reach: &Reach) -> bool {
    kinds.iter().all(|kind| (kind.is_whole)(reach))
}

/// ` and …`: the condition that what `record` is about may be read by `person`; nothing, where all of these kinds may. A
/// subject in the trash counts as one that is not: whoever reached it there reaches what is about it.
pub(crate) fn condition(kinds: &[SubjectKind], reach: &Reach, record: &str, person: &str) -> String {
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
