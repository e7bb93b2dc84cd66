//! API document of a resource's CRUD operations; generic handlers cannot carry utoipa's attribute.

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
use web::{IdempotencyKey, IfMatch, Json, NoContent, Replayable, Result};

use super::bulk::{
    BulkApplyRequest, BulkApplyResult, BulkOf, BulkOutcome, BulkPreview, BulkPreviewRequest, BulkResults,
    SelectedOperation,
};
use super::export::{Export, ExportParams};
use super::{CreatedRecord, ListResponse, Versioned};
use crate::{FieldsParams, History, ListParams, Page, PageParams, PatchOf, Resource, SearchRequest};

/// Documents the operations that read: list, get, search, export and history.
pub(super) fn of_reading<R: Resource>() -> OpenApi {
    let (one, many) = (R::NAME, R::TABLE);
    let query = parameters::<ListParams>(R::SEARCH_FIELDS);
    let paged = PageParams::into_params(|| Some(ParameterIn::Query));
    let list = operation::<R, Result<ListResponse<R>>>(format!("list_{many}"), query).description(Some(
        "A page of the records that the caller may read, newest first unless `sort` says otherwise. Follow `next_cursor` for the \
         next page. Fields that the caller's roles hide are left out.",
    ));
    let shape = FieldsParams::into_params(|| Some(ParameterIn::Query));
    let find = operation::<R, Result<Versioned<R>>>(format!("get_{one}"), shape).description(Some(
        "One record with its version as `ETag`. A record in the trash, or of another account, is 404.",
    ));
    let search = operation::<R, Result<ListResponse<R>>>(format!("search_{many}"), vec![])
        .request_body(Some(body::<SearchRequest>("application/json")))
        .description(Some("The list with its parameters as a JSON body, for filters that are too long for a URL. It changes nothing."));
    let wanted = parameters::<ExportParams>(R::SEARCH_FIELDS);
    let export = operation::<R, Result<Export>>(format!("export_{many}"), wanted).description(Some(
        "All records of a list as a CSV, XLSX or NDJSON file, streamed. A file that ends early is incomplete: its connection is \
         reset.",
    ));
    let history = operation::<R, Result<Json<History>>>(format!("list_{one}_history"), paged).description(Some(
        "The changes of one record, newest first: who changed which fields, when, and in which request. A purged record keeps \
         its entries without values.",
    ));
    document::<R>(vec![
        ("", PathItemBuilder::new().operation(HttpMethod::Get, list.build())),
        ("/export", PathItemBuilder::new().operation(HttpMethod::Get, export.build())),
        ("/search", PathItemBuilder::new().operation(HttpMethod::Post, search.build())),
        ("/{id}", one_of::<R>().operation(HttpMethod::Get, find.build())),
        ("/{id}/history", one_of::<R>().operation(HttpMethod::Get, history.build())),
    ])
}

/// Documents create, update and delete, and the operations of the trash.
pub(super) fn of_writing<R: Resource>() -> OpenApi {
    let one = R::NAME;
    let if_match = || IfMatch::into_params(|| None);
    let create = operation::<R, Result<Replayable<CreatedRecord<R>>>>(
        format!("create_{one}"),
        IdempotencyKey::into_params(|| None),
    )
    .request_body(Some(body::<R>("application/json")))
    .description(Some(
        "Creates a record and answers 201 with its `Location`. With an `Idempotency-Key` a retry returns the first response \
         instead of creating a second record.",
    ));
    let change = operation::<R, Result<Versioned<R>>>(format!("update_{one}"), if_match())
        .request_body(Some(body::<PatchOf<R>>("application/merge-patch+json")))
        .description(Some(
            "Merges a JSON Merge Patch (RFC 7396) into the record: fields that are left out stay, null clears. `If-Match` must \
             name the current version, otherwise the answer is 412 with the current record.",
        ));
    let remove = operation::<R, Result<NoContent>>(format!("delete_{one}"), if_match())
        .description(Some("Moves the record to the trash, from which it can be restored or purged."));
    let key = IdempotencyKey::into_params(|| None);
    let restore = operation::<R, Result<Replayable<Versioned<R>>>>(format!("restore_{one}"), key)
        .description(Some(
            "Takes the record out of the trash. 409, if a unique value of it was taken since.",
        ));
    let query = parameters::<ListParams>(&[]); // the trash is not searched
    let trash = operation::<R, Result<ListResponse<R>>>(format!("list_trashed_{}", R::TABLE), query)
        .description(Some(
            "Records in the trash, with the time of deletion in `updated_at` and the user in `updated_by`. \
         Needs the permission to delete.",
        ));
    let purge = operation::<R, Result<NoContent>>(format!("purge_{one}"), if_match()).description(Some(
        "Deletes a record in the trash permanently, with its tags, notes and activities. Its history keeps the actions, times and \
         users, without values. 409, if other records still refer to it.",
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

/// Documents the bulk operations.
pub(super) fn of_bulk<R: Resource>() -> OpenApi {
    let many = R::TABLE;
    let bulk = operation::<R, Result<Replayable<BulkOutcome<R>>>>(
        format!("write_bulk_{many}"),
        IdempotencyKey::into_params(|| None),
    )
    .request_body(Some(body::<BulkOf<R>>("application/json")))
    .description(Some(
        "Creates, updates, deletes or restores up to 500 records in one request. An atomic batch writes all or nothing; \
         otherwise the answer is 207 with one result per item.",
    ));
    let preview = operation::<R, Result<Json<BulkPreview>>>(format!("preview_bulk_{many}"), vec![])
        .request_body(Some(body::<BulkPreviewRequest>("application/json")))
        .description(Some(
            "Counts the records that match a filter, and signs the selection for the apply operation. It changes nothing.",
        ));
    let key = IdempotencyKey::into_params(|| None);
    let apply = operation::<R, Result<Replayable<Json<BulkApplyResult>>>>(format!("apply_bulk_{many}"), key)
        .request_body(Some(body::<BulkApplyRequest>("application/json")))
        .description(Some(
            "Updates or deletes the records of a preview's selection, up to 10,000. 409, if their number changed since.",
        ));
    let posted =
        |operation: OperationBuilder| PathItemBuilder::new().operation(HttpMethod::Post, operation.build());
    let mut document = document::<R>(vec![
        ("/bulk", posted(bulk)),
        ("/bulk/preview", posted(preview)),
        ("/bulk/apply", posted(apply)),
    ]);
    if let Some(components) = &mut document.components {
        components.schemas.extend(BulkOf::<R>::parts());
        components.schemas.extend([
            (BulkOf::<R>::name().into(), BulkOf::<R>::schema()),
            (BulkResults::<R>::name().into(), BulkResults::<R>::schema()),
            (BulkPreviewRequest::name().into(), BulkPreviewRequest::schema()),
            (BulkPreview::name().into(), BulkPreview::schema()),
            (BulkApplyRequest::name().into(), BulkApplyRequest::schema()),
            (BulkApplyResult::name().into(), BulkApplyResult::schema()),
            (SelectedOperation::name().into(), SelectedOperation::schema()),
        ]);
    }
    document
}

/// Builds the document of operations of `R`; `items` maps path suffixes to operations.
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

/// Query parameters of a list; without `q` where it is not searched.
fn parameters<P: IntoParams>(search_fields: &[&str]) -> Vec<Parameter> {
    let mut all = P::into_params(|| Some(ParameterIn::Query));
    all.retain(|parameter| parameter.name != "q" || !search_fields.is_empty());
    all
}

/// Path item for a path with the id of an `R`.
pub fn one_of<R: Resource>() -> PathItemBuilder {
    PathItemBuilder::new().parameters(Some(Id::<R>::into_params(|| None)))
}

/// Operation with this id and a response `A`. The summary is the id in words: "List clients" for `list_clients`.
pub fn operation<R: Resource, A: IntoResponses>(id: String, parameters: Vec<Parameter>) -> OperationBuilder {
    let responses = ResponsesBuilder::new().responses_from_iter(A::responses());
    OperationBuilder::new()
        .tag(R::PATH)
        .summary(Some(words(&id)))
        .operation_id(Some(id))
        .parameters(Some(parameters))
        .responses(responses.build())
}

/// Converts an operation id to a summary: `list_clients` becomes `List clients`.
fn words(id: &str) -> String {
    let text = id.replace('_', " ");
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Request body with a `T` of this media type.
pub fn body<T: ToSchema>(media: &str) -> RequestBody {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name()))).build();
    RequestBodyBuilder::new().content(media, content).required(Some(Required::True)).build()
}

fn schemas<R: Resource>() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = web::openapi::problem_schemas();
    schemas.push((Page::<R>::name().into(), Page::<R>::schema()));
    schemas.push((History::name().into(), History::schema()));
    schemas.push((SearchRequest::name().into(), SearchRequest::schema()));
    schemas.push((PatchOf::<R>::name().into(), PatchOf::<R>::schema()));
    Page::<R>::schemas(&mut schemas);
    History::schemas(&mut schemas);
    schemas
}
