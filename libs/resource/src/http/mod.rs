//! Generic handlers for every [`Resource`]: list, create, get, update, delete, restore, purge and history.

mod bulk;
pub mod document;
mod export;
mod respond;
mod trash;

use axum::{
    extract::FromRef,
    routing::{delete, get, patch, post},
};
use db::Db;

use crate::{FieldsParams, History, ListParams, PageParams, Projection, Resource, SearchRequest};
pub use export::{Export, Format, PageSource, escape_csv_formula};
use identity::Verifier;
use kernel::Id;
pub use respond::{CreatedRecord, ListResponse, Versioned, ensure_unchanged};
use utoipa_axum::router::OpenApiRouter;

use web::{
    Authorized, Delete, Error, IdempotencyKey, IdempotencyOutcome, Idempotent, IfMatch, Json, MergePatch,
    NoContent, Path, Query, Read, Replayable, Result, UnparsedJson, Write,
};

async fn list<R: Resource>(
    auth: Authorized<Read, R>,
    Query(params): Query<ListParams>,
) -> Result<ListResponse<R>> {
    let query = crate::Query::parse(params, &auth.view())?;
    answer(&auth, &query).await
}

async fn search<R: Resource>(
    auth: Authorized<Read, R>,
    Json(request): Json<SearchRequest>,
) -> Result<ListResponse<R>> {
    let query = crate::Query::from_search(request, &auth.view())?;
    answer(&auth, &query).await
}

async fn answer<A: web::Action, R: Resource>(
    auth: &Authorized<A, R>,
    query: &crate::Query<R>,
) -> Result<ListResponse<R>> {
    let mut tx = auth.begin_read_only_at(query.is_costly()).await?;
    let page = crate::list(&mut tx, query).await?;
    let projection = query.projection();
    let shown =
        if projection.is_identity() { None } else { Some(projection.apply(&mut tx, &page.data).await?) };
    Ok(ListResponse::shown(page, shown))
}

async fn create<R: Resource>(
    auth: Authorized<Write, R>,
    key: Option<IdempotencyKey>,
    new: UnparsedJson,
) -> Result<Replayable<CreatedRecord<R>>> {
    let new: R = new.into_new(&auth.hidden_fields())?;
    let idempotent = Idempotent::new(key, &new)?.with_records(R::ACCESS);
    let mut tx = match idempotent.begin(auth.begin().await?).await? {
        IdempotencyOutcome::New(tx) => tx,
        IdempotencyOutcome::Replay(answer) => return Ok(answer),
    };
    let record = crate::insert(&mut tx, &new).await?;
    let made = CreatedRecord(crate::visible(&mut tx, record).await?);
    idempotent.answer(tx, made).await
}

async fn find<R: Resource>(
    auth: Authorized<Read, R>,
    Path(id): Path<Id<R>>,
    Query(params): Query<FieldsParams>,
) -> Result<Versioned<R>> {
    let projection =
        Projection::parse::<R>(params.fields.as_deref(), params.expand.as_deref(), &auth.view())?;
    let mut tx = auth.begin_read_only().await?;
    let record = crate::find(&mut tx, id).await?;
    crate::projected(&mut tx, record, &projection).await.map(Versioned).map_err(Error::from)
}

async fn update<R: Resource>(
    auth: Authorized<Write, R>,
    Path(id): Path<Id<R>>,
    if_match: IfMatch,
    patch: MergePatch,
) -> Result<Versioned<R>> {
    let mut tx = auth.begin().await?;
    let before = crate::find(&mut tx, id).await?;
    ensure_unchanged(&mut tx, if_match, &before).await?;
    patch.ensure_not_touched(&auth.hidden_fields())?;
    let after = patch.apply_to(&before.data)?;
    let record = crate::update(&mut tx, &before, &after).await?;
    let shown = crate::visible(&mut tx, record).await?;
    tx.commit().await?;
    Ok(Versioned(shown))
}

async fn delete_record<R: Resource>(
    auth: Authorized<Delete, R>,
    Path(id): Path<Id<R>>,
    if_match: IfMatch,
) -> Result<NoContent> {
    let mut tx = auth.begin().await?;
    let before = crate::find(&mut tx, id).await?;
    ensure_unchanged(&mut tx, if_match, &before).await?;
    crate::soft_delete(&mut tx, &before).await?;
    tx.commit().await?;
    Ok(NoContent)
}

async fn history<R: Resource>(
    auth: Authorized<Read, R>,
    Path(id): Path<Id<R>>,
    Query(params): Query<PageParams>,
) -> Result<Json<History>> {
    let mut tx = auth.begin_read_only().await?;
    let mut history = crate::history(&mut tx, id, &params).await?;
    let hidden = auth.hidden_fields();
    for entry in &mut history.data {
        for fields in [&mut entry.before, &mut entry.after].into_iter().flatten() {
            hidden.mask(fields);
        }
    }
    Ok(Json(history))
}

/// Router with all operations of `R`, single and bulk, and their part of the API document.
pub fn crud<R, S>() -> OpenApiRouter<S>
where
    R: Resource,
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    let many = format!("/api/v1/{}/bulk", R::PATH);
    crud_without_bulk::<R, S>().merge(
        OpenApiRouter::with_openapi(document::of_bulk::<R>())
            .route(&many, post(bulk::bulk::<R>))
            .route(&format!("{many}/preview"), post(bulk::preview::<R>))
            .route(&format!("{many}/apply"), post(bulk::apply::<R>)),
    )
}

/// Router without bulk operations, for resources with few records.
pub fn crud_without_bulk<R, S>() -> OpenApiRouter<S>
where
    R: Resource,
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    let restore = format!("/api/v1/{}/{{id}}/restore", R::PATH);
    crud_without_restore::<R, S>().route(&restore, post(trash::restore::<R>))
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
    let many = format!("/api/v1/{}", R::PATH);
    read_only::<R, S>().merge(
        OpenApiRouter::with_openapi(document::of_writing::<R>())
            .route(&many, post(create::<R>))
            .route(&format!("{many}/{{id}}"), patch(update::<R>).delete(delete_record::<R>))
            .route(&format!("{many}/trash"), get(trash::list::<R>))
            .route(&format!("{many}/trash/{{id}}"), delete(trash::purge::<R>)),
    )
}

/// Router with the read operations only, for resources whose writes have their own handlers.
pub fn read_only<R, S>() -> OpenApiRouter<S>
where
    R: Resource,
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    let many = format!("/api/v1/{}", R::PATH);
    OpenApiRouter::with_openapi(document::of_reading::<R>())
        .route(&many, get(list::<R>))
        .route(&format!("{many}/search"), post(search::<R>))
        .route(&format!("{many}/export"), get(export::export::<R>))
        .route(&format!("{many}/{{id}}"), get(find::<R>))
        .route(&format!("{many}/{{id}}/history"), get(history::<R>))
}
