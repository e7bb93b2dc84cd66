//! The trash: list, restore and purge.

use web::{
    Action as _, Delete, IdempotencyKey, IdempotencyOutcome, Idempotent, IfMatch, NoContent, Path, Purge,
    Query, Read, Replayable, Result,
};

use super::{AnyRecord, Caller, ListResponse, RecordId, Versioned, answer};
use crate::ListParams;

pub(super) async fn list(
    caller: Caller<Delete>,
    Query(params): Query<ListParams>,
) -> Result<ListResponse<AnyRecord>> {
    caller.also(Read::NAME)?;
    let query = crate::Query::from_trash(caller.resource(), params, &caller.view())?;
    answer(&caller, query).await
}

/// Restores a record. Needs no `If-Match`: it writes no field, so it cannot overwrite a concurrent change.
pub(super) async fn restore(
    caller: Caller<Delete>,
    key: Option<IdempotencyKey>,
    Path(id): Path<RecordId>,
) -> Result<Replayable<Versioned<AnyRecord>>> {
    let resource = caller.resource();
    let idempotent = Idempotent::new(key, &())?.with_records(resource.schema().access);
    let mut tx = match idempotent.begin(caller.begin().await?).await? {
        IdempotencyOutcome::New(tx) => tx,
        IdempotencyOutcome::Replay(answer) => return Ok(answer),
    };
    let record = resource.restore(&mut tx, id.into()).await?;
    let back = Versioned::new(resource.visible(&mut tx, record).await?);
    idempotent.answer(tx, back).await
}

pub(super) async fn purge(
    caller: Caller<Purge>,
    Path(id): Path<RecordId>,
    if_match: IfMatch,
) -> Result<NoContent> {
    let resource = caller.resource();
    let mut tx = caller.begin().await?;
    let record = resource.find_in_trash(&mut tx, id.into()).await?;
    resource.ensure_unchanged(&mut tx, if_match, &record).await?;
    resource.purge(&mut tx, &record).await?;
    tx.commit().await?;
    Ok(NoContent)
}
