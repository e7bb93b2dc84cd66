//! API document of a resource's CRUD operations; generic handlers cannot carry utoipa's attribute.

use std::collections::BTreeMap;

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
use web::{
    Error, IdempotencyKey, IfMatch, Json, NoContent, Replayable,
    openapi::{ETAG_OF, WHERE, answer_named, replayable},
};

use super::{
    RecordId,
    bulk::{self, BulkApplyRequest, BulkApplyResult, BulkPreview, BulkPreviewRequest, SelectedOperation},
    export::{Export, ExportParams},
};
use crate::{
    AggregateParams, Aggregates, FieldsParams, History, ListParams, PageParams, Schema as RecordSchema,
    SearchRequest,
};

type Responses = BTreeMap<String, RefOr<utoipa::openapi::Response>>;

/// Documents the operations that read: list, get, search, export and history.
pub(super) fn of_reading(of: &RecordSchema) -> OpenApi {
    let (one, many) = (of.name(), of.table());
    let query = parameters::<ListParams>(of.search_fields);
    let paged = PageParams::into_params(|| Some(ParameterIn::Query));
    let list = operation(of, page(of), format!("list_{many}"), query).description(Some(
        "A page of the records that the caller may read, newest first unless `sort` says otherwise. Follow `next_cursor` for the \
         next page. Fields that the caller's roles hide are left out.",
    ));
    let shape = FieldsParams::into_params(|| Some(ParameterIn::Query));
    let find = operation(of, record(of), format!("get_{one}"), shape).description(Some(
        "One record with its version as `ETag`. A record in the trash, or of another account, is 404.",
    ));
    let search = operation(of, page(of), format!("search_{many}"), vec![])
        .request_body(Some(body::<SearchRequest>("application/json")))
        .description(Some("The list with its parameters as a JSON body, for filters that are too long for a URL. It changes nothing."));
    let wanted = parameters::<ExportParams>(of.search_fields);
    let export = operation(of, Export::responses(), format!("export_{many}"), wanted).description(Some(
        "All records of a list as a CSV, XLSX or NDJSON file, streamed. A file that ends early is incomplete: its connection is \
         reset.",
    ));
    let grouped = AggregateParams::into_params(|| Some(ParameterIn::Query));
    let aggregate = operation(of, Json::<Aggregates>::responses(), format!("aggregate_{many}"), grouped).description(
        Some(
            "Counts, sums, averages and extremes of the records that a list with this filter shows, by groups: \
             `group_by=status&measure=count,sum(budget)`. A field that the caller may not see can be neither grouped nor \
             measured.",
        ),
    );
    let history = operation(of, Json::<History>::responses(), format!("list_{one}_history"), paged).description(Some(
        "The changes of one record, newest first: who changed which fields, when, and in which request. A purged record keeps \
         its entries without values.",
    ));
    document(
        of,
        vec![
            ("", PathItemBuilder::new().operation(HttpMethod::Get, list.build())),
            ("/aggregate", PathItemBuilder::new().operation(HttpMethod::Get, aggregate.build())),
            ("/export", PathItemBuilder::new().operation(HttpMethod::Get, export.build())),
            ("/search", PathItemBuilder::new().operation(HttpMethod::Post, search.build())),
            ("/{id}", one_of().operation(HttpMethod::Get, find.build())),
            ("/{id}/history", one_of().operation(HttpMethod::Get, history.build())),
        ],
    )
}

/// Documents create, update and delete, and the operations of the trash.
pub(super) fn of_writing(of: &RecordSchema) -> OpenApi {
    let one = of.name();
    let if_match = || IfMatch::into_params(|| None);
    let create = operation(of, replayable(created(of)),
        format!("create_{one}"),
        IdempotencyKey::into_params(|| None),
    )
    .request_body(Some(body_of(&of.type_name, "application/json")))
    .description(Some(
        "Creates a record and answers 201 with its `Location`. With an `Idempotency-Key` a retry returns the first response \
         instead of creating a second record.",
    ));
    let change = operation(of, record(of), format!("update_{one}"), if_match())
        .request_body(Some(body_of(&of.patch_name(), "application/merge-patch+json")))
        .description(Some(
            "Merges a JSON Merge Patch (RFC 7396) into the record: fields that are left out stay, null clears. `If-Match` must \
             name the current version, otherwise the answer is 412 with the current record.",
        ));
    let remove = operation(of, NoContent::responses(), format!("delete_{one}"), if_match())
        .description(Some("Moves the record to the trash, from which it can be restored or purged."));
    let key = IdempotencyKey::into_params(|| None);
    let restore = operation(of, replayable(record(of)), format!("restore_{one}"), key).description(Some(
        "Takes the record out of the trash. 409, if a unique value of it was taken since.",
    ));
    let query = parameters::<ListParams>(&[]); // the trash is not searched
    let trash = operation(of, page(of), format!("list_trashed_{}", of.table()), query).description(Some(
        "Records in the trash, with the time of deletion in `updated_at` and the user in `updated_by`. \
         Needs the permission to delete.",
    ));
    let purge = operation(of, NoContent::responses(), format!("purge_{one}"), if_match()).description(Some(
        "Deletes a record in the trash permanently, with its tags, notes and activities. Its history keeps the actions, times and \
         users, without values. 409, if other records still refer to it.",
    ));
    let item =
        one_of().operation(HttpMethod::Patch, change.build()).operation(HttpMethod::Delete, remove.build());
    document(
        of,
        vec![
            ("", PathItemBuilder::new().operation(HttpMethod::Post, create.build())),
            ("/{id}", item),
            ("/{id}/restore", one_of().operation(HttpMethod::Post, restore.build())),
            ("/trash", PathItemBuilder::new().operation(HttpMethod::Get, trash.build())),
            ("/trash/{id}", one_of().operation(HttpMethod::Delete, purge.build())),
        ],
    )
}

/// Documents the bulk operations.
pub(super) fn of_bulk(of: &RecordSchema) -> OpenApi {
    let many = of.table();
    let bulk = operation(of, replayable(bulk::outcome(of)),
        format!("write_bulk_{many}"),
        IdempotencyKey::into_params(|| None),
    )
    .request_body(Some(body_of(&bulk::request_name(of), "application/json")))
    .description(Some(
        "Creates, updates, deletes or restores up to 500 records in one request. An atomic batch writes all or nothing; \
         otherwise the answer is 207 with one result per item.",
    ));
    let preview = operation(of, Json::<BulkPreview>::responses(), format!("preview_bulk_{many}"), vec![])
        .request_body(Some(body::<BulkPreviewRequest>("application/json")))
        .description(Some(
            "Counts the records that match a filter, and signs the selection for the apply operation. It changes nothing.",
        ));
    let key = IdempotencyKey::into_params(|| None);
    let apply = operation(of, Replayable::<Json<BulkApplyResult>>::responses(), format!("apply_bulk_{many}"), key)
        .request_body(Some(body::<BulkApplyRequest>("application/json")))
        .description(Some(
            "Updates or deletes the records of a preview's selection, up to 10,000. 409, if their number changed since.",
        ));
    let posted =
        |operation: OperationBuilder| PathItemBuilder::new().operation(HttpMethod::Post, operation.build());
    let mut document = document(
        of,
        vec![("/bulk", posted(bulk)), ("/bulk/preview", posted(preview)), ("/bulk/apply", posted(apply))],
    );
    if let Some(components) = &mut document.components {
        components.schemas.extend(bulk::request_parts(of));
        components.schemas.extend([
            (bulk::request_name(of), bulk::request(of)),
            (bulk::results_name(of), bulk::results(of)),
            (BulkPreviewRequest::name().into(), BulkPreviewRequest::schema()),
            (BulkPreview::name().into(), BulkPreview::schema()),
            (BulkApplyRequest::name().into(), BulkApplyRequest::schema()),
            (BulkApplyResult::name().into(), BulkApplyResult::schema()),
            (SelectedOperation::name().into(), SelectedOperation::schema()),
        ]);
    }
    document
}

/// Builds the document of operations on records of this type; `items` maps path suffixes to operations.
pub fn document(of: &RecordSchema, items: Vec<(&str, PathItemBuilder)>) -> OpenApi {
    let mut paths = Paths::new();
    for (path, item) in items {
        paths.paths.insert(format!("/api/v1/{}{path}", of.path), item.build());
    }
    OpenApiBuilder::new()
        .info(InfoBuilder::new().build())
        .tags(Some([TagBuilder::new().name(of.path).build()]))
        .paths(paths)
        .components(Some(ComponentsBuilder::new().schemas_from_iter(schemas(of)).build()))
        .build()
}

/// Query parameters of a list; without `q` where it is not searched.
fn parameters<P: IntoParams>(search_fields: &[&str]) -> Vec<Parameter> {
    let mut all = P::into_params(|| Some(ParameterIn::Query));
    all.retain(|parameter| parameter.name != "q" || !search_fields.is_empty());
    all
}

/// Path item for a path with the id of a record.
pub fn one_of() -> PathItemBuilder {
    PathItemBuilder::new().parameters(Some(RecordId::into_params(|| None)))
}

/// Operation with this id and these responses, or a problem. The summary is the id in words: "List clients" for
/// `list_clients`.
pub fn operation(
    of: &RecordSchema,
    mut responses: Responses,
    id: String,
    parameters: Vec<Parameter>,
) -> OperationBuilder {
    responses.append(&mut Error::responses());
    let responses = ResponsesBuilder::new().responses_from_iter(responses);
    OperationBuilder::new()
        .tag(of.path)
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
    body_of(&T::name(), media)
}

/// Request body of the schema with this name, of this media type.
fn body_of(name: &str, media: &str) -> RequestBody {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(name))).build();
    RequestBodyBuilder::new().content(media, content).required(Some(Required::True)).build()
}

/// Response with a record.
fn record(of: &RecordSchema) -> Responses {
    answer_named(&of.record_name(), "200", &[ETAG_OF])
}

/// Response with a new record.
fn created(of: &RecordSchema) -> Responses {
    answer_named(&of.record_name(), "201", &[ETAG_OF, WHERE])
}

/// Response with a page of records.
fn page(of: &RecordSchema) -> Responses {
    answer_named(&of.page_name(), "200", &[])
}

fn schemas(of: &RecordSchema) -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = web::openapi::problem_schemas();
    schemas.extend(of.documented());
    schemas.push((History::name().into(), History::schema()));
    schemas.push((SearchRequest::name().into(), SearchRequest::schema()));
    schemas.push((Aggregates::name().into(), Aggregates::schema()));
    Aggregates::schemas(&mut schemas);
    History::schemas(&mut schemas);
    schemas
}
