//! Subjects: records that other records are about. A note about a client is in scope only if the client may be
//! read.

use super::{AccessScope, AccessTarget};

/// Whether all records of all these kinds may be read.
pub(super) fn are_whole(kinds: &[AccessTarget], scope: &AccessScope) -> bool {
    kinds.iter().all(|kind| scope.reads_all(kind))
}

/// SQL condition (` and …`) that `person` may read the subject of `record`; empty if all subjects of these kinds
/// are readable. A subject in the trash counts like a live one, so its dependents stay in scope.
pub(super) fn condition(kinds: &[AccessTarget], scope: &AccessScope, record: &str, person: &str) -> String {
    if are_whole(kinds, scope) {
        return String::new();
    }
    let (whole, partly): (Vec<&AccessTarget>, Vec<&AccessTarget>) =
        kinds.iter().partition(|kind| scope.reads_all(kind));
    let names: Vec<String> = whole.iter().map(|kind| format!("'{}'", kind.name)).collect();
    let all = (!names.is_empty()).then(|| format!("{record}.subject_type in ({})", names.join(", ")));
    let some = partly.iter().filter_map(|kind| of_kind(kind, scope, record, person));
    let either: Vec<String> = all.into_iter().chain(some).collect();
    if either.is_empty() { " and false".to_owned() } else { format!(" and ({})", either.join(" or ")) }
}

/// SQL condition that `record` is about a readable record of this kind; `None` if none is readable.
fn of_kind(kind: &AccessTarget, scope: &AccessScope, record: &str, person: &str) -> Option<String> {
    let AccessTarget { name, table, .. } = kind;
    let about = format!("about_{table}");
    let readable = scope.reading_as(kind, &about, person)?;
    Some(format!(
        "{record}.subject_type = '{name}' and exists (select from app.{table} {about}
                 where {about}.account_id = $1 and {about}.id = {record}.subject_id{readable})"
    ))
}
