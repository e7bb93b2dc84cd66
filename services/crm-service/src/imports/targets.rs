//! Resources that files can be imported to: the records of the registry.

use identity::{Permissions, Scope};
use resource::ResourceHandle;

use crate::records::RECORDS;

/// The resource with this name in paths.
pub(super) fn find(plural: &str) -> Option<&'static ResourceHandle> {
    RECORDS.iter().find(|target| target.access.table == plural)
}

/// Resources of which these permissions see every record and field, and may do `action` to others' imports. For them,
/// neither a file's contents nor its references reveal anything. Imports belong to their uploader, not to a team.
pub(super) fn seen_whole(permissions: &Permissions, action: &str) -> Vec<&'static str> {
    if permissions.scope("import", action) != Some(Scope::All) {
        return Vec::new();
    }
    let named = |target: &&ResourceHandle| target.relations.iter().filter_map(|one| find(one.plural()));
    let whole = |target: &&ResourceHandle| {
        target.is_seen_whole(permissions) && named(target).all(|other| other.is_seen_whole(permissions))
    };
    RECORDS.iter().filter(whole).map(|target| target.access.table).collect()
}
