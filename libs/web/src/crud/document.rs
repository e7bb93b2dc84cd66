//! The API document of a resource's plain operations: generic handlers cannot carry utoipa's attribute.

use db::{Asked, History, Page, Resource};
use kernel::Id;
use utoipa::{
    IntoParams, IntoResponses, PartialSchema as _, ToSchema,
    openapi::{
        ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, Paths, Ref,
        RefOr, Schema,
        path::{OperationBuilder, Parameter, ParameterIn, PathItemBuilder},
        request_body::{RequestBody, RequestBodyBuilder},
        tag::TagBuilder,
    },
};

use crate::{Answered, IdempotencyKey, IfMatch, Json, NoContent, Result, Tagged, problem};

pub(super) fn of<R: Resource>() -> OpenApi {
    let (one, many) = (R::NAME, R::PLURAL);
    let query = || Asked::into_params(|| Some(ParameterIn::Query));
    let paged =
        || query().into_iter().filter(|parameter| ["limit", "cursor"].contains(&&*parameter.name)).collect();
    let if_match = || IfMatch::into_params(|| None);

    let collection = PathItemBuilder::new()
        .operation(
            HttpMethod::Get,
            operation::<R, Result<Json<Page<R>>>>(format!("list_{many}"), query()).build(),
        )
        .operation(
            HttpMethod::Post,
            operation::<R, Result<Answered<R>>>(
                format!("create_{one}"),
                IdempotencyKey::into_params(|| None),
            )
            .request_body(Some(body::<R>("application/json")))
            .build(),
        );
    let item = one_of::<R>()
        .operation(HttpMethod::Get, operation::<R, Result<Tagged<R>>>(format!("find_{one}"), vec![]).build())
        .operation(
            HttpMethod::Patch,
            operation::<R, Result<Tagged<R>>>(format!("change_{one}"), if_match())
                .request_body(Some(body::<R>("application/merge-patch+json")))
                .build(),
        )
        .operation(
            HttpMethod::Delete,
            operation::<R, Result<NoContent>>(format!("remove_{one}"), if_match()).build(),
        );
    let restore = one_of::<R>().operation(
        HttpMethod::Post,
        operation::<R, Result<Tagged<R>>>(format!("restore_{one}"), vec![]).build(),
    );
    let history = one_of::<R>().operation(
        HttpMethod::Get,
        operation::<R, Result<Json<History>>>(format!("history_of_{one}"), paged()).build(),
    );

    let mut paths = Paths::new();
    let mut add =
        |path: &str, item: PathItemBuilder| paths.paths.insert(format!("/api/v1/{many}{path}"), item.build());
    add("", collection);
    add("/{id}", item);
    add("/{id}/restore", restore);
    add("/{id}/history", history);
    OpenApiBuilder::new()
        .info(InfoBuilder::new().build())
        .tags(Some([TagBuilder::new().name(many).build()]))
        .paths(paths)
        .components(Some(ComponentsBuilder::new().schemas_from_iter(schemas::<R>()).build()))
        .build()
}

fn one_of<R: Resource>() -> PathItemBuilder {
    PathItemBuilder::new().parameters(Some(Id::<R>::into_params(|| None)))
}

fn operation<R: Resource, A: IntoResponses>(id: String, parameters: Vec<Parameter>) -> OperationBuilder {
    let responses = utoipa::openapi::ResponsesBuilder::new().responses_from_iter(A::responses());
    OperationBuilder::new()
        .tag(R::PLURAL)
        .operation_id(Some(id))
        .parameters(Some(parameters))
        .responses(responses.build())
}

fn body<R: Resource>(media: &str) -> RequestBody {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(R::name()))).build();
    RequestBodyBuilder::new().content(media, content).build()
}

fn schemas<R: Resource>() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = problem::schemas();
    schemas.push((Page::<R>::name().into(), Page::<R>::schema()));
    schemas.push((History::name().into(), History::schema()));
    Page::<R>::schemas(&mut schemas);
    History::schemas(&mut schemas);
    schemas
}
