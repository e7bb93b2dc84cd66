//! List, create, find, change, remove, restore and history, served once for every [`Resource`].

mod document;

use axum::{
    extract::FromRef,
    routing::{get, post},
};
use db::{Asked, Db, History, Page, Resource};
use identity::Verifier;
use kernel::Id;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    Answered, Delete, Error, IdempotencyKey, IfMatch, Json, May, NoContent, Patch, Path, Query, Read, Result,
    Tagged, Write,
};

async fn list<R: Resource>(may: May<Read, R>, Query(asked): Query<Asked>) -> Result<Json<Page<R>>> {
    let query = db::Query::understand(asked)?;
    let mut tx = may.begin_reading().await?;
    Ok(Json(db::list(&mut tx, &query).await?))
}

async fn create<R: Resource>(
    may: May<Write, R>,
    key: Option<IdempotencyKey>,
    Json(new): Json<R>,
) -> Result<Answered<R>> {
    let fingerprint = fingerprint(&new)?;
    let mut tx = may.begin().await?;
    if let Some(IdempotencyKey(key)) = &key {
        let before = db::replay(&mut tx, key, &fingerprint).await;
        if let Some(before) = before.transpose() {
            tx.commit().await?; // lets go of the key, before the client can send it again
            return Ok(Answered::again(before?));
        }
    }
    let record = db::insert(&mut tx, &new).await?;
    let location = format!("/api/v1/{}/{}", R::PLURAL, record.id);
    let answer = Answered::created(location, &record, fingerprint)?;
    if let Some(IdempotencyKey(key)) = &key {
        db::remember(&mut tx, key, answer.to_remember()).await?;
    }
    tx.commit().await?;
    Ok(answer)
}

/// Tells one request from another: SHA-256 of what is to be created, and of what kind.
fn fingerprint<R: Resource>(new: &R) -> Result<Vec<u8>> {
    let body = serde_json::to_vec(&(R::PLURAL, new)).map_err(|error| Error::Internal(error.into()))?;
    Ok(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &body).as_ref().to_vec())
}

async fn find<R: Resource>(may: May<Read, R>, Path(id): Path<Id<R>>) -> Result<Tagged<R>> {
    let mut tx = may.begin_reading().await?;
    Ok(Tagged(db::find(&mut tx, id).await?))
}

async fn change<R: Resource>(
    may: May<Write, R>,
    Path(id): Path<Id<R>>,
    seen: IfMatch,
    patch: Patch,
) -> Result<Tagged<R>> {
    let mut tx = may.begin().await?;
    let before = db::find(&mut tx, id).await?;
    seen.holds(&before)?;
    let after = patch.onto(&before.data)?;
    let record = db::change(&mut tx, &before, &after).await?;
    tx.commit().await?;
    Ok(Tagged(record))
}

async fn remove<R: Resource>(may: May<Delete, R>, Path(id): Path<Id<R>>, seen: IfMatch) -> Result<NoContent> {
    let mut tx = may.begin().await?;
    let before = db::find(&mut tx, id).await?;
    seen.holds(&before)?;
    db::remove(&mut tx, &before).await?;
    tx.commit().await?;
    Ok(NoContent)
}

async fn restore<R: Resource>(may: May<Delete, R>, Path(id): Path<Id<R>>) -> Result<Tagged<R>> {
    let mut tx = may.begin().await?;
    let record = db::restore(&mut tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(record))
}

async fn history<R: Resource>(
    may: May<Read, R>,
    Path(id): Path<Id<R>>,
    Query(asked): Query<Asked>,
) -> Result<Json<History>> {
    let mut tx = may.begin_reading().await?;
    Ok(Json(db::history(&mut tx, id, &asked).await?))
}

/// The plain operations of `R`, with their part of the API document.
pub fn crud<R, S>() -> OpenApiRouter<S>
where
    R: Resource,
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    let many = format!("/api/v1/{}", R::PLURAL);
    OpenApiRouter::with_openapi(document::of::<R>())
        .route(&many, get(list::<R>).merge(post(create::<R>)))
        .route(&format!("{many}/{{id}}"), get(find::<R>).patch(change::<R>).delete(remove::<R>))
        .route(&format!("{many}/{{id}}/restore"), post(restore::<R>))
        .route(&format!("{many}/{{id}}/history"), get(history::<R>))
}
