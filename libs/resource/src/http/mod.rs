//! Handlers of the operations on records of every type: list, create, get, update, delete, restore, purge and history.

mod bulk;
mod caller;
pub mod document;
mod export;
mod respond;
mod trash;

use axum::{
    extract::FromRef,
    routing::{delete, get, patch, post},
};
use db::Db;
use identity::Verifier;
use kernel::Id;
use utoipa_axum::router::OpenApiRouter;
use web::{
    Action, Delete, Error, IdempotencyKey, IdempotencyOutcome, Idempotent, IfMatch, Json, MergePatch,
    NoContent, Path, Query, Read, Replayable, Result, UnparsedJson, Write,
};

use crate::{
    Aggregate, AggregateParams, Aggregates, FieldsParams, History, ListParams, PageParams, Projection,
    Resource, ResourceHandle, SearchRequest, visible::projected,
};
pub use caller::{About, Caller};
pub use export::{Export, Format, PageSource, SheetRow, escape_csv_formula};
pub use respond::{CreatedRecord, ListResponse, Versioned};

/// A record of any type, where an answer's type is not documented.
#[derive(Debug)]
pub enum AnyRecord {}

/// Identifier of a record of any type.
pub type RecordId = Id<AnyRecord>;

async fn list(caller: Caller<Read>, Query(params): Query<ListParams>) -> Result<ListResponse<AnyRecord>> {
    let query = crate::Query::parse(caller.resource(), params, &caller.view())?;
    answer(&caller, query).await
}

async fn search(caller: Caller<Read>, Json(request): Json<SearchRequest>) -> Result<ListResponse<AnyRecord>> {
    let query = crate::Query::from_search(caller.resource(), request, &caller.view())?;
    answer(&caller, query).await
}

async fn answer<A: Action>(caller: &Caller<A>, query: crate::Query) -> Result<ListResponse<AnyRecord>> {
    let mut tx = caller.begin_read_only_at(query.is_costly()).await?;
    let page = query.page(&mut tx).await?;
    ListResponse::new(&mut tx, page, query.into_projection()).await
}

async fn aggregate(caller: Caller<Read>, Query(params): Query<AggregateParams>) -> Result<Json<Aggregates>> {
    let aggregate = Aggregate::parse(caller.resource(), params, &caller.view())?;
    let mut tx = caller.begin_read_only_at(true).await?;
    Ok(Json(aggregate.compute(&mut tx).await?))
}

async fn create(
    caller: Caller<Write>,
    key: Option<IdempotencyKey>,
    new: UnparsedJson,
) -> Result<Replayable<CreatedRecord<AnyRecord>>> {
    let resource = caller.resource();
    let new = resource.parse(new.into_new(&caller.hidden_fields())?)?;
    let idempotent = Idempotent::new(key, &new)?;
    let idempotent = idempotent.with_records(resource.schema().access);
    let mut tx = match idempotent.begin(caller.begin().await?).await? {
        IdempotencyOutcome::New(tx) => tx,
        IdempotencyOutcome::Replay(answer) => return Ok(answer),
    };
    let record = resource.insert(&mut tx, new).await?;
    let made = CreatedRecord::new(resource, resource.visible(&mut tx, record).await?);
    idempotent.answer(tx, made).await
}

async fn find(
    caller: Caller<Read>,
    Path(id): Path<RecordId>,
    Query(params): Query<FieldsParams>,
) -> Result<Versioned<AnyRecord>> {
    let resource = caller.resource();
    let (fields, expand) = (params.fields.as_deref(), params.expand.as_deref());
    let projection = Projection::parse(resource.schema(), fields, expand, &caller.view())?;
    let mut tx = caller.begin_read_only().await?;
    let record = resource.find(&mut tx, id.into()).await?;
    projected(&mut tx, record, projection).await.map(Versioned::new).map_err(Error::from)
}

async fn update(
    caller: Caller<Write>,
    Path(id): Path<RecordId>,
    if_match: IfMatch,
    patch: MergePatch,
) -> Result<Versioned<AnyRecord>> {
    let resource = caller.resource();
    let mut tx = caller.begin().await?;
    let before = resource.find(&mut tx, id.into()).await?;
    resource.ensure_unchanged(&mut tx, if_match, &before).await?;
    patch.ensure_not_touched(&caller.hidden_fields())?;
    let after = resource.patched(&before, patch)?;
    let record = resource.update(&mut tx, &before, &after).await?;
    let shown = resource.visible(&mut tx, record).await?;
    tx.commit().await?;
    Ok(Versioned::new(shown))
}

async fn delete_record(
    caller: Caller<Delete>,
    Path(id): Path<RecordId>,
    if_match: IfMatch,
) -> Result<NoContent> {
    let resource = caller.resource();
    let mut tx = caller.begin().await?;
    let before = resource.find(&mut tx, id.into()).await?;
    resource.ensure_unchanged(&mut tx, if_match, &before).await?;
    resource.soft_delete(&mut tx, &before).await?;
    tx.commit().await?;
    Ok(NoContent)
}

async fn history(
    caller: Caller<Read>,
    Path(id): Path<RecordId>,
    Query(params): Query<PageParams>,
) -> Result<Json<History>> {
    let mut tx = caller.begin_read_only().await?;
    let mut history = caller.resource().history(&mut tx, id.into(), &params).await?;
    let hidden = caller.hidden_fields();
    for entry in &mut history.data {
        for fields in [&mut entry.before, &mut entry.after].into_iter().flatten() {
            hidden.mask(fields);
        }
    }
    Ok(Json(history))
}

/// Router with all operations on records of `R`, single and bulk, and their part of the API document.
pub fn crud<R, S>() -> OpenApiRouter<S>
where
    R: Resource,
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    let resource = &ResourceHandle::of::<R>();
    without_bulk(resource).merge(bulk_operations(resource))
}

/// Router without bulk operations, for resources with few records.
pub fn crud_without_bulk<R, S>() -> OpenApiRouter<S>
where
    R: Resource,
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    without_bulk(&ResourceHandle::of::<R>())
}

/// Router without bulk operations and without the handler of `POST /{id}/restore`. The document includes it: the
/// caller adds its own handler.
pub fn crud_without_restore<R, S>() -> OpenApiRouter<S>
where
    R: Resource,
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    let resource = &ResourceHandle::of::<R>();
    reading(resource).merge(writing(resource))
}

/// Router with the read operations only, for resources whose writes have their own handlers.
pub fn read_only<R, S>() -> OpenApiRouter<S>
where
    R: Resource,
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    reading(&ResourceHandle::of::<R>())
}

/// Paths of a type of record, and its handlers.
struct Routes<'r> {
    resource: &'r ResourceHandle,
}

impl Routes<'_> {
    fn path(&self, rest: &str) -> String {
        format!("/api/v1/{}{rest}", self.resource.schema().path)
    }

    fn about<H>(&self, handler: H) -> About<H> {
        About::new(self.resource, handler)
    }
}

fn bulk_operations<S>(resource: &ResourceHandle) -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    let of = Routes { resource };
    OpenApiRouter::with_openapi(document::of_bulk(resource.schema()))
        .route(&of.path("/bulk"), post(of.about(bulk::bulk)))
        .route(&of.path("/bulk/preview"), post(of.about(bulk::preview)))
        .route(&of.path("/bulk/apply"), post(of.about(bulk::apply)))
}

fn without_bulk<S>(resource: &ResourceHandle) -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    let of = Routes { resource };
    let router = reading(resource).merge(writing(resource));
    router.route(&of.path("/{id}/restore"), post(of.about(trash::restore)))
}

fn writing<S>(resource: &ResourceHandle) -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    let of = Routes { resource };
    OpenApiRouter::with_openapi(document::of_writing(resource.schema()))
        .route(&of.path(""), post(of.about(create)))
        .route(&of.path("/{id}"), patch(of.about(update)).delete(of.about(delete_record)))
        .route(&of.path("/trash"), get(of.about(trash::list)))
        .route(&of.path("/trash/{id}"), delete(of.about(trash::purge)))
}

fn reading<S>(resource: &ResourceHandle) -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    let of = Routes { resource };
    OpenApiRouter::with_openapi(document::of_reading(resource.schema()))
        .route(&of.path(""), get(of.about(list)))
        .route(&of.path("/search"), post(of.about(search)))
        .route(&of.path("/aggregate"), get(of.about(aggregate)))
        .route(&of.path("/export"), get(of.about(export::export)))
        .route(&of.path("/{id}"), get(of.about(find)))
        .route(&of.path("/{id}/history"), get(of.about(history)))
}
