//! The trash: list, restore and purge.

use db::{ListParams, Resource};
use kernel::Id;

use super::{IdempotencyOutcome, Idempotent, answer};
use crate::{
    Action as _, Authorized, Delete, IdempotencyKey, IfMatch, ListResponse, NoContent, Path, Purge, Query,
    Read, Replayable, Result, Versioned,
};

pub(super) async fn list<R: Resource>(
    auth: Authorized<Delete, R>,
    Query(params): Query<ListParams>,
) -> Result<ListResponse<R>> {
    auth.also(Read::NAME)?;
    let query = db::Query::from_trash(params, &auth.view())?;
    answer(&auth, &query).await
}

/// Restores a record. Needs no `If-Match`: it writes no field, so it cannot overwrite a concurrent change.
pub(super) async fn restore<R: Resource>(
    auth: Authorized<Delete, R>,
    key: Option<IdempotencyKey>,
    Path(id): Path<Id<R>>,
) -> Result<Replayable<Versioned<R>>> {
    let idempotent = Idempotent::new(key, &())?;
    let mut tx = match idempotent.begin_with::<R, _>(auth.begin().await?).await? {
        IdempotencyOutcome::New(tx) => tx,
        IdempotencyOutcome::Replay(answer) => return Ok(answer),
    };
    let record = db::restore(&mut tx, id).await?;
    let back = Versioned(db::visible(&mut tx, record).await?);
    idempotent.answer_with::<R, _>(tx, back).await
}

pub(super) async fn purge<R: Resource>(
    auth: Authorized<Purge, R>,
    Path(id): Path<Id<R>>,
    if_match: IfMatch,
) -> Result<NoContent> {
    let mut tx = auth.begin().await?;
    let record = db::find_in_trash(&mut tx, id).await?;
    if_match.check(&mut tx, &record).await?;
    db::purge(&mut tx, &record).await?;
    tx.commit().await?;
    Ok(NoContent)
}
