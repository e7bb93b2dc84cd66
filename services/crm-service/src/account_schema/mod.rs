//! The schema of an account: what a caller may know of its resources, for programs that build their screens from it.

use axum::extract::State;
use resource::{ListLimits, ResourceDescription};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Authenticated, Result, WithDigest};

use crate::{App, resources::RESOURCES};

/// What the caller may know of the resources of their account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountSchema {
    /// Resources that the caller may do something with.
    resources: Vec<DescribedResource>,
    /// Limits of lists.
    lists: ListLimits,
}

/// A resource with what the product offers for its records.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DescribedResource {
    #[serde(flatten)]
    description: ResourceDescription,
    /// Whether notes, activities and tags can be about its records, which then have a timeline.
    has_timeline: bool,
    /// Whether files can be imported to it.
    is_importable: bool,
}

/// Get what the caller may know of the resources.
///
/// For each resource its fields with kinds, limits, operators and states, its relations, and the caller's permissions.
/// Fields that the caller's roles hide are left out, and so are resources that the caller may do nothing with. The `ETag`
/// changes whenever the answer does.
#[utoipa::path(get, path = "/api/v1/schema", tag = "schema")]
pub(crate) async fn get_schema(
    State(app): State<App>,
    Authenticated(who): Authenticated,
) -> Result<WithDigest<AccountSchema>> {
    app.db.admit(&who).await?; // reject ended sessions here as well
    let described = RESOURCES.iter().filter_map(|entry| {
        let description = (entry.handle)().description(who.permissions())?;
        let (has_timeline, is_importable) = (entry.has_timeline, entry.has_timeline);
        Some(DescribedResource { description, has_timeline, is_importable })
    });
    Ok(WithDigest(AccountSchema { resources: described.collect(), lists: ListLimits::ALL }))
}
