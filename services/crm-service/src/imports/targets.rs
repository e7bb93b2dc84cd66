//! Resources that files can be imported to: the records of the registry.

use identity::{Permissions, Scope};
use resource::ResourceHandle;

use crate::records::RECORDS;

/// The resource with this name in paths.
pub(super) fn find(plural: &str) -> Option<ResourceHandle> {
    RECORDS.iter().find(|target| target.access.table == plural).map(|target| (target.handle)())
}

/// Resources of which these permissions see every record and field, and may do `action` to others' imports. For them,
/// neither a file's contents nor its references reveal anything. Imports belong to their uploader, not to a team.
pub(super) fn seen_whole(permissions: &Permissions, action: &str) -> Vec<&'static str> {
    if permissions.scope("import", action) != Some(Scope::All) {
        return Vec::new();
    }
    let is_whole = |target: &ResourceHandle| {
        let mut referred = target.schema().relations.iter().filter_map(|one| find(one.plural()));
        target.is_seen_whole(permissions) && referred.all(|other| other.is_seen_whole(permissions))
    };
    let whole = RECORDS.iter().filter(|target| is_whole(&(target.handle)()));
    whole.map(|target| target.access.table).collect()
}
