//! List, create, find, change, remove, restore, purge and history, served once for every [`Resource`].

mod bulk;
pub mod document;
mod export;
mod once;
mod trash;

use axum::{
    extract::FromRef,
    routing::{delete, get, patch, post},
};
use db::{Asked, Db, Dress, History, Paging, Resource, Shape, Sought};
pub use export::{Export, Format, Pages, harmless};
use identity::Verifier;
use kernel::Id;
pub use once::{Begun, Once};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    Answered, Delete, Error, IdempotencyKey, IfMatch, Json, Listed, Made, May, NoContent, Patch, Path, Query,
    Read, Result, Tagged, Unread, Write,
};

async fn list<R: Resource>(may: May<Read, R>, Query(asked): Query<Asked>) -> Result<Listed<R>> {
    let query = db::Query::understand(asked, &may.view())?;
    answer(&may, &query).await
}

async fn search<R: Resource>(may: May<Read, R>, Json(sought): Json<Sought>) -> Result<Listed<R>> {
    let query = db::Query::sought(sought, &may.view())?;
    answer(&may, &query).await
}

async fn answer<A: crate::Action, R: Resource>(may: &May<A, R>, query: &db::Query<R>) -> Result<Listed<R>> {
    let mut tx = may.begin_reading_at(query.is_costly()).await?;
    let page = db::list(&mut tx, query).await?;
    let dress = query.dress();
    let shown = if dress.is_plain() { None } else { Some(dress.put_on(&mut tx, &page.data).await?) };
    Ok(Listed::shown(page, shown))
}

async fn create<R: Resource>(
    may: May<Write, R>,
    key: Option<IdempotencyKey>,
    new: Unread,
) -> Result<Answered<Made<R>>> {
    let new: R = new.into_new(&may.hidden())?;
    let once = Once::of(key, &new)?;
    let mut tx = match once.begin_with::<R, _>(may.begin().await?).await? {
        Begun::First(tx) => tx,
        Begun::Again(answer) => return Ok(answer),
    };
    let record = db::insert(&mut tx, &new).await?;
    let made = Made(db::visible(&mut tx, record).await?);
    once.answer_with::<R, _>(tx, made).await
}

async fn find<R: Resource>(
    may: May<Read, R>,
    Path(id): Path<Id<R>>,
    Query(shape): Query<Shape>,
) -> Result<Tagged<R>> {
    let dress = Dress::understand::<R>(shape.fields.as_deref(), shape.expand.as_deref(), &may.view())?;
    let mut tx = may.begin_reading().await?;
    let record = db::find(&mut tx, id).await?;
    db::dressed(&mut tx, record, &dress).await.map(Tagged).map_err(Error::from)
}

async fn change<R: Resource>(
    may: May<Write, R>,
    Path(id): Path<Id<R>>,
    seen: IfMatch,
    patch: Patch,
) -> Result<Tagged<R>> {
    let mut tx = may.begin().await?;
    let before = db::find(&mut tx, id).await?;
    seen.holds(&mut tx, &before).await?;
    patch.spares(&may.hidden())?;
    let after = patch.onto(&before.data)?;
    let record = db::change(&mut tx, &before, &after).await?;
    let shown = db::visible(&mut tx, record).await?;
    tx.commit().await?;
    Ok(Tagged(shown))
}

async fn remove<R: Resource>(may: May<Delete, R>, Path(id): Path<Id<R>>, seen: IfMatch) -> Result<NoContent> {
    let mut tx = may.begin().await?;
    let before = db::find(&mut tx, id).await?;
    seen.holds(&mut tx, &before).await?;
    db::remove(&mut tx, &before).await?;
    tx.commit().await?;
    Ok(NoContent)
}

async fn history<R: Resource>(
    may: May<Read, R>,
    Path(id): Path<Id<R>>,
    Query(asked): Query<Paging>,
) -> Result<Json<History>> {
    let mut tx = may.begin_reading().await?;
    let mut history = db::history(&mut tx, id, &asked).await?;
    let hidden = may.hidden();
    for entry in &mut history.data {
        for fields in [&mut entry.before, &mut entry.after].into_iter().flatten() {
            hidden.mask(fields);
        }
    }
    Ok(Json(history))
}

/// The plain operations of `R`, of one record and of many, with their part of the API document.
pub fn crud<R, S>() -> OpenApiRouter<S>
where
    R: Resource,
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    let many = format!("/api/v1/{}/bulk", R::PATH);
    crud_one_by_one::<R, S>().merge(
        OpenApiRouter::with_openapi(document::of_bulk::<R>())
            .route(&many, post(bulk::bulk::<R>))
            .route(&format!("{many}/preview"), post(bulk::preview::<R>))
            .route(&format!("{many}/apply"), post(bulk::apply::<R>)),
    )
}

/// Those of one record alone, for a resource of which nobody has many.
pub fn crud_one_by_one<R, S>() -> OpenApiRouter<S>
where
    R: Resource,
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    let restore = format!("/api/v1/{}/{{id}}/restore", R::PATH);
    crud_without_restore::<R, S>().route(&restore, post(trash::restore::<R>))
}

/// The same without the handler of `POST /{id}/restore`, which is in the document: the caller adds its own.
pub fn crud_without_restore<R, S>() -> OpenApiRouter<S>
where
    R: Resource,
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    let many = format!("/api/v1/{}", R::PATH);
    crud_for_reading::<R, S>().merge(
        OpenApiRouter::with_openapi(document::of_writing::<R>())
            .route(&many, post(create::<R>))
            .route(&format!("{many}/{{id}}"), patch(change::<R>).delete(remove::<R>))
            .route(&format!("{many}/trash"), get(trash::list::<R>))
            .route(&format!("{many}/trash/{{id}}"), delete(trash::purge::<R>)),
    )
}

/// Those of them that only read, for a resource whose changes follow rules of their own.
pub fn crud_for_reading<R, S>() -> OpenApiRouter<S>
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
