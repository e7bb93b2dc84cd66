//! The registry: all resources of this service, a line each. The records that notes, activities and tags are about have
//! theirs in `records` as well.

use axum::routing::get;
use db::AccessTarget;
use resource::{
    About, PageParams, Resource, ResourceHandle, Schema,
    describe::{body, document, one_of, operation},
};
use utoipa::{
    IntoParams as _, IntoResponses as _,
    openapi::{HttpMethod, OpenApi, path::ParameterIn},
};
use utoipa_axum::router::OpenApiRouter;
use web::{IfMatch, Json, WithETag};

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
    /// Its handle.
    pub(crate) handle: fn() -> ResourceHandle,
    /// Whether notes, activities and tags can be about its records.
    pub(crate) has_timeline: bool,
}

impl Entry {
    const fn new<R: Resource>(routes: fn() -> OpenApiRouter<App>) -> Self {
        Self { access: R::ACCESS, routes, handle: ResourceHandle::of::<R>, has_timeline: false }
    }

    const fn record<R: Resource>(routes: fn() -> OpenApiRouter<App>) -> Self {
        Self { has_timeline: true, ..Self::new::<R>(routes) }
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
    RESOURCES.iter().fold(OpenApiRouter::new(), |router, entry| {
        let router = router.merge((entry.routes)());
        if entry.has_timeline { router.merge(about_routes(&(entry.handle)())) } else { router }
    })
}

/// Access control of the resource with this name in permissions.
pub(crate) fn target(name: &str) -> Option<&'static AccessTarget> {
    RESOURCES.iter().map(|entry| &entry.access).find(|target| target.name == name)
}

/// Routes of a record's timeline and tags.
fn about_routes(resource: &ResourceHandle) -> OpenApiRouter<App> {
    let one = format!("/api/v1/{}/{{id}}", resource.schema().path);
    let tags = get(About::new(resource, tags::tags_of)).put(About::new(resource, tags::set_tags_of));
    OpenApiRouter::with_openapi(described(resource.schema()))
        .route(&format!("{one}/timeline"), get(About::new(resource, timeline::timeline)))
        .route(&format!("{one}/tags"), tags)
}

fn described(schema: &Schema) -> OpenApi {
    let one = schema.name();
    let paging = PageParams::into_params(|| Some(ParameterIn::Query));
    let timeline =
        operation(schema, Json::<timeline::Timeline>::responses(), format!("list_{one}_timeline"), paging);
    let record_tags = WithETag::<tags::RecordTags>::responses;
    let tags = operation(schema, record_tags(), format!("get_{one}_tags"), vec![]);
    let if_match = IfMatch::into_params(|| None);
    let set = operation(schema, record_tags(), format!("set_{one}_tags"), if_match)
        .request_body(Some(body::<tags::RecordTags>("application/json")));
    document(
        schema,
        vec![
            ("/{id}/timeline", one_of().operation(HttpMethod::Get, timeline.build())),
            (
                "/{id}/tags",
                one_of().operation(HttpMethod::Get, tags.build()).operation(HttpMethod::Put, set.build()),
            ),
        ],
    )
}

#[cfg(test)]
mod tests {
    use resource::Kind;

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
    fn every_id_says_whose_it_is() {
        for entry in RESOURCES {
            let handle = (entry.handle)();
            let schema = handle.schema();
            for field in
                schema.fields.iter().filter(|field| field.kind == Kind::Id && field.name != "subject_id")
            {
                let is_relation = schema.relations.iter().any(|related| related.column() == field.name);
                assert!(is_relation != field.is_member, "{}.{}", schema.name(), field.name);
            }
        }
    }

    #[test]
    fn every_field_that_a_new_record_may_leave_out_has_a_default_or_is_null() {
        for entry in RESOURCES {
            let handle = (entry.handle)();
            let schema = handle.schema();
            for field in schema.fields.iter().filter(|field| field.required && !schema.is_needed(field.name))
            {
                assert!(schema.defaults.contains_key(field.name), "{}.{}", schema.name(), field.name);
            }
        }
    }

    #[test]
    fn transitions_are_between_the_words_of_a_field() {
        for entry in RESOURCES {
            for field in (entry.handle)().schema().fields.iter().filter(|field| !field.transitions.is_empty())
            {
                let Kind::Choice(words) = field.kind else { panic!("{} has no words", field.name) };
                assert_eq!(field.transitions.iter().map(|(word, _)| *word).collect::<Vec<_>>(), words);
                let mut targets = field.transitions.iter().flat_map(|(_, next)| *next);
                assert!(targets.all(|next| words.contains(next)), "{}", field.name);
            }
        }
    }

    #[test]
    fn what_notes_can_be_about_has_a_timeline() {
        let with_timeline = RESOURCES.iter().filter(|entry| entry.has_timeline);
        let mut names: Vec<&str> = with_timeline.map(|entry| entry.access.name).collect();
        let mut subjects = SubjectType::NAMES.to_vec();
        names.sort_unstable();
        subjects.sort_unstable();
        assert_eq!(names, subjects);
    }
}
