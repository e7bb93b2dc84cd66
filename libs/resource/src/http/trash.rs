//! The trash: list, restore and purge.

use kernel::Id;
use web::{
    Action as _, Authorized, Delete, IdempotencyKey, IdempotencyOutcome, Idempotent, IfMatch, NoContent,
    Path, Purge, Query, Read, Replayable, Result,
};

use super::{ListResponse, Versioned, answer, ensure_unchanged};
use crate::{ListParams, Resource};

pub(super) async fn list<R: Resource>(
    auth: Authorized<Delete, R>,
    Query(params): Query<ListParams>,
) -> Result<ListResponse<R>> {
    auth.also(Read::NAME)?;
    let query = crate::Query::from_trash(params, &auth.view())?;
    answer(&auth, &query).await
}

/// Restores a record. Needs no `If-Match`: it writes no field, so it cannot overwrite a concurrent change.
pub(super) async fn restore<R: Resource>(
    auth: Authorized<Delete, R>,
    key: Option<IdempotencyKey>,
    Path(id): Path<Id<R>>,
) -> Result<Replayable<Versioned<R>>> {
    let idempotent = Idempotent::new(key, &())?.with_records(R::ACCESS);
    let mut tx = match idempotent.begin(auth.begin().await?).await? {
        IdempotencyOutcome::New(tx) => tx,
        IdempotencyOutcome::Replay(answer) => return Ok(answer),
    };
    let record = crate::restore(&mut tx, id).await?;
    let back = Versioned(crate::visible(&mut tx, record).await?);
    idempotent.answer(tx, back).await
}

pub(super) async fn purge<R: Resource>(
    auth: Authorized<Purge, R>,
    Path(id): Path<Id<R>>,
    if_match: IfMatch,
) -> Result<NoContent> {
    let mut tx = auth.begin().await?;
    let record = crate::find_in_trash(&mut tx, id).await?;
    ensure_unchanged(&mut tx, if_match, &record).await?;
    crate::purge(&mut tx, &record).await?;
    tx.commit().await?;
    Ok(NoContent)
}
