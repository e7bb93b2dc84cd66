//! The API document of a resource's plain operations: generic handlers cannot carry utoipa's attribute.

use db::{Asked, History, Page, Paging, PatchOf, Resource, Shape, Sought};
use kernel::Id;
use utoipa::{
    IntoParams, IntoResponses, PartialSchema as _, ToSchema,
    openapi::{
        ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, Paths, Ref,
        RefOr, Required, ResponsesBuilder, Schema,
        path::{OperationBuilder, Parameter, ParameterIn, PathItemBuilder},
        request_body::{RequestBody, RequestBodyBuilder},
        tag::TagBuilder,
    },
};

use super::bulk::{BulkApplied, BulkOf, BulkOrder, BulkPreview, BulkWish, Done, Results, SelectedOperation};
use super::export::{Export, Wanted};
use crate::{Answered, IdempotencyKey, IfMatch, Json, Listed, Made, NoContent, Result, Tagged, problem};

/// List, find and history.
pub(super) fn of_reading<R: Resource>() -> OpenApi {
    let (one, many) = (R::NAME, R::PLURAL);
    let query = Asked::into_params(|| Some(ParameterIn::Query));
    let paged = Paging::into_params(|| Some(ParameterIn::Query));
    let list = operation::<R, Result<Listed<R>>>(format!("list_{many}"), query);
    let shape = Shape::into_params(|| Some(ParameterIn::Query));
    let find = operation::<R, Result<Tagged<R>>>(format!("get_{one}"), shape);
    let search = operation::<R, Result<Listed<R>>>(format!("search_{many}"), vec![])
        .request_body(Some(body::<Sought>("application/json")));
    let wanted = Wanted::into_params(|| Some(ParameterIn::Query));
    let export = operation::<R, Result<Export>>(format!("export_{many}"), wanted);
    let history = operation::<R, Result<Json<History>>>(format!("list_{one}_history"), paged);
    document::<R>(vec![
        ("", PathItemBuilder::new().operation(HttpMethod::Get, list.build())),
        ("/export", PathItemBuilder::new().operation(HttpMethod::Get, export.build())),
        ("/search", PathItemBuilder::new().operation(HttpMethod::Post, search.build())),
        ("/{id}", one_of::<R>().operation(HttpMethod::Get, find.build())),
        ("/{id}/history", one_of::<R>().operation(HttpMethod::Get, history.build())),
    ])
}

/// Create, change and remove; and the trash.
pub(super) fn of_writing<R: Resource>() -> OpenApi {
    let one = R::NAME;
    let if_match = || IfMatch::into_params(|| None);
    let create = operation::<R, Result<Answered<Made<R>>>>(
        format!("create_{one}"),
        IdempotencyKey::into_params(|| None),
    )
    .request_body(Some(body::<R>("application/json")));
    let change = operation::<R, Result<Tagged<R>>>(format!("update_{one}"), if_match())
        .request_body(Some(body::<PatchOf<R>>("application/merge-patch+json")));
    let remove = operation::<R, Result<NoContent>>(format!("delete_{one}"), if_match());
    let key = IdempotencyKey::into_params(|| None);
    let restore = operation::<R, Result<Answered<Tagged<R>>>>(format!("restore_{one}"), key);
    let query = Asked::into_params(|| Some(ParameterIn::Query));
    let trash = operation::<R, Result<Listed<R>>>(format!("list_trashed_{}", R::PLURAL), query).description(Some(
        "What was removed, and neither restored nor purged since; `updated_at` and `updated_by` tell when, and by whom. \
         Without `q`. Needs the permission to delete.",
    ));
    let purge = operation::<R, Result<NoContent>>(format!("purge_{one}"), if_match()).description(Some(
        "Out of the trash, for good, with the tags, notes and activities that are about it. Of its history stays what was \
         done when, and by whom. 409, where other records still refer to it.",
    ));
    let item = one_of::<R>()
        .operation(HttpMethod::Patch, change.build())
        .operation(HttpMethod::Delete, remove.build());
    document::<R>(vec![
        ("", PathItemBuilder::new().operation(HttpMethod::Post, create.build())),
        ("/{id}", item),
        ("/{id}/restore", one_of::<R>().operation(HttpMethod::Post, restore.build())),
        ("/trash", PathItemBuilder::new().operation(HttpMethod::Get, trash.build())),
        ("/trash/{id}", one_of::<R>().operation(HttpMethod::Delete, purge.build())),
    ])
}

/// Many at once.
pub(super) fn of_bulk<R: Resource>() -> OpenApi {
    let many = R::PLURAL;
    let bulk = operation::<R, Result<Answered<Done<R>>>>(
        format!("write_bulk_{many}"),
        IdempotencyKey::into_params(|| None),
    )
    .request_body(Some(body::<BulkOf<R>>("application/json")));
    let preview = operation::<R, Result<Json<BulkPreview>>>(format!("preview_bulk_{many}"), vec![])
        .request_body(Some(body::<BulkWish>("application/json")));
    let key = IdempotencyKey::into_params(|| None);
    let apply = operation::<R, Result<Answered<Json<BulkApplied>>>>(format!("apply_bulk_{many}"), key)
        .request_body(Some(body::<BulkOrder>("application/json")));
    let posted =
        |operation: OperationBuilder| PathItemBuilder::new().operation(HttpMethod::Post, operation.build());
    let mut document = document::<R>(vec![
        ("/bulk", posted(bulk)),
        ("/bulk/preview", posted(preview)),
        ("/bulk/apply", posted(apply)),
    ]);
    if let Some(components) = &mut document.components {
        components.schemas.extend([
            (BulkOf::<R>::name().into(), BulkOf::<R>::schema()),
            (Results::<R>::name().into(), Results::<R>::schema()),
            (BulkWish::name().into(), BulkWish::schema()),
            (BulkPreview::name().into(), BulkPreview::schema()),
            (BulkOrder::name().into(), BulkOrder::schema()),
            (BulkApplied::name().into(), BulkApplied::schema()),
            (SelectedOperation::name().into(), SelectedOperation::schema()),
        ]);
    }
    document
}

/// Operations of `R`, by what their paths have after that of its records.
pub fn document<R: Resource>(items: Vec<(&str, PathItemBuilder)>) -> OpenApi {
    let mut paths = Paths::new();
    for (path, item) in items {
        paths.paths.insert(format!("/api/v1/{}{path}", R::PATH), item.build());
    }
    OpenApiBuilder::new()
        .info(InfoBuilder::new().build())
        .tags(Some([TagBuilder::new().name(R::PATH).build()]))
        .paths(paths)
        .components(Some(ComponentsBuilder::new().schemas_from_iter(schemas::<R>()).build()))
        .build()
}

/// A path with the id of an `R` in it.
pub fn one_of<R: Resource>() -> PathItemBuilder {
    PathItemBuilder::new().parameters(Some(Id::<R>::into_params(|| None)))
}

/// An operation of this name that answers `A`. Its summary is its name in words: `list_clients` lists clients.
pub fn operation<R: Resource, A: IntoResponses>(id: String, parameters: Vec<Parameter>) -> OperationBuilder {
    let responses = ResponsesBuilder::new().responses_from_iter(A::responses());
    OperationBuilder::new()
        .tag(R::PATH)
        .summary(Some(words(&id)))
        .operation_id(Some(id))
        .parameters(Some(parameters))
        .responses(responses.build())
}

/// `list_clients` as `List clients`.
fn words(id: &str) -> String {
    let text = id.replace('_', " ");
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A `T` as the body of a request.
pub fn body<T: ToSchema>(media: &str) -> RequestBody {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name()))).build();
    RequestBodyBuilder::new().content(media, content).required(Some(Required::True)).build()
}

fn schemas<R: Resource>() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = problem::schemas();
    schemas.push((Page::<R>::name().into(), Page::<R>::schema()));
    schemas.push((History::name().into(), History::schema()));
    schemas.push((Sought::name().into(), Sought::schema()));
    schemas.push((PatchOf::<R>::name().into(), PatchOf::<R>::schema()));
    Page::<R>::schemas(&mut schemas);
    History::schemas(&mut schemas);
    schemas
}
