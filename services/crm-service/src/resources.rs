//! The registry: all resources of this service, a line each. The records that notes, activities and tags are about have
//! theirs in `records` as well.

use axum::routing::get;
use db::AccessTarget;
use resource::{
    PageParams, Resource,
    describe::{body, document, one_of, operation},
};
use utoipa::{
    IntoParams as _,
    openapi::{HttpMethod, OpenApi, path::ParameterIn},
};
use utoipa_axum::router::OpenApiRouter;
use web::{IfMatch, Json, Result, WithETag};

use crate::{
    App,
    activities::{self, Activity},
    bookings::{self, Booking},
    clients::{self, Client},
    contacts::{self, Contact},
    employees::{self, Employee},
    notes::{self, Note},
    professionals::{self, Professional},
    projects::{self, Project},
    suppliers::{self, Supplier, SupplierRelation},
    tags::{self, Tag},
    tasks::{self, Task},
    timeline,
};

/// A resource of this service.
pub(crate) struct Entry {
    /// Access control of its records.
    pub(crate) access: AccessTarget,
    routes: fn() -> OpenApiRouter<App>,
    /// Routes of its timeline and tags, if notes, activities and tags can be about its records.
    about: Option<fn() -> OpenApiRouter<App>>,
}

impl Entry {
    const fn new<R: Resource>(routes: fn() -> OpenApiRouter<App>) -> Self {
        Self { access: R::ACCESS, routes, about: None }
    }

    const fn record<R: Resource>(routes: fn() -> OpenApiRouter<App>) -> Self {
        Self { about: Some(about_routes::<R>), ..Self::new::<R>(routes) }
    }
}

pub(crate) const RESOURCES: &[Entry] = &[
    Entry::record::<Client>(clients::router),
    Entry::record::<Contact>(contacts::router),
    Entry::record::<Employee>(employees::router),
    Entry::record::<Professional>(professionals::router),
    Entry::new::<Booking>(bookings::router),
    Entry::record::<Project>(projects::router),
    Entry::record::<Supplier>(suppliers::router),
    Entry::new::<SupplierRelation>(suppliers::relations_router),
    Entry::record::<Task>(tasks::router),
    Entry::new::<Note>(notes::router),
    Entry::new::<Activity>(activities::router),
    Entry::new::<Tag>(tags::router),
];

/// Routes of all resources, with their documentation.
pub(crate) fn router() -> OpenApiRouter<App> {
    let all = RESOURCES.iter().flat_map(|entry| [Some(entry.routes), entry.about]).flatten();
    all.fold(OpenApiRouter::new(), |router, routes| router.merge(routes()))
}

/// Access control of the resource with this name in permissions.
pub(crate) fn target(name: &str) -> Option<&'static AccessTarget> {
    RESOURCES.iter().map(|entry| &entry.access).find(|target| target.name == name)
}

/// Routes of a record's timeline and tags.
fn about_routes<R: Resource>() -> OpenApiRouter<App> {
    let one = format!("/api/v1/{}/{{id}}", R::PATH);
    OpenApiRouter::with_openapi(described::<R>())
        .route(&format!("{one}/timeline"), get(timeline::timeline::<R>))
        .route(&format!("{one}/tags"), get(tags::tags_of::<R>).put(tags::set_tags_of::<R>))
}

fn described<R: Resource>() -> OpenApi {
    let one = R::NAME;
    let paging = PageParams::into_params(|| Some(ParameterIn::Query));
    let timeline = operation::<R, Result<Json<timeline::Timeline>>>(format!("list_{one}_timeline"), paging);
    let tags = operation::<R, Result<WithETag<tags::RecordTags>>>(format!("get_{one}_tags"), vec![]);
    let if_match = IfMatch::into_params(|| None);
    let set = operation::<R, Result<WithETag<tags::RecordTags>>>(format!("set_{one}_tags"), if_match)
        .request_body(Some(body::<tags::RecordTags>("application/json")));
    document::<R>(vec![
        ("/{id}/timeline", one_of::<R>().operation(HttpMethod::Get, timeline.build())),
        (
            "/{id}/tags",
            one_of::<R>().operation(HttpMethod::Get, tags.build()).operation(HttpMethod::Put, set.build()),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subjects::SubjectType;

    #[test]
    fn every_kind_of_record_has_its_line() {
        let records = identity::SUBJECTS.iter().filter(|subject| subject.records && subject.name != "import");
        let missing: Vec<&str> =
            records.map(|subject| subject.name).filter(|name| target(name).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}: files are no records; all else is");
    }

    #[test]
    fn what_notes_can_be_about_has_a_timeline() {
        let with_timeline = RESOURCES.iter().filter(|entry| entry.about.is_some());
        let mut names: Vec<&str> = with_timeline.map(|entry| entry.access.name).collect();
        let mut subjects = SubjectType::NAMES.to_vec();
        names.sort_unstable();
        subjects.sort_unstable();
        assert_eq!(names, subjects);
    }
}
