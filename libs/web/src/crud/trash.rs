//! The trash: what is in it, back from it, and out of it for good.

use db::{Asked, Resource};
use kernel::Id;

use super::{Begun, Once, answer};
use crate::{
    Action as _, Answered, Delete, IdempotencyKey, IfMatch, Listed, May, NoContent, Path, Purge, Query, Read,
    Result, Tagged,
};

pub(super) async fn list<R: Resource>(may: May<Delete, R>, Query(asked): Query<Asked>) -> Result<Listed<R>> {
    may.also(Read::NAME)?;
    let query = db::Query::of_trash(asked, &may.view())?;
    answer(&may, &query).await
}

/// Without `If-Match`: it writes no field, so there is nobody's change that it could undo unseen.
pub(super) async fn restore<R: Resource>(
    may: May<Delete, R>,
    key: Option<IdempotencyKey>,
    Path(id): Path<Id<R>>,
) -> Result<Answered<Tagged<R>>> {
    let once = Once::of(key, &())?;
    let mut tx = match once.begin_with::<R, _>(may.begin().await?).await? {
        Begun::First(tx) => tx,
        Begun::Again(answer) => return Ok(answer),
    };
    let record = db::restore(&mut tx, id).await?;
    let back = Tagged(db::visible(&mut tx, record).await?);
    once.answer_with::<R, _>(tx, back).await
}

pub(super) async fn purge<R: Resource>(
    may: May<Purge, R>,
    Path(id): Path<Id<R>>,
    seen: IfMatch,
) -> Result<NoContent> {
    let mut tx = may.begin().await?;
    let record = db::find_in_trash(&mut tx, id).await?;
    seen.holds(&mut tx, &record).await?;
    db::purge(&mut tx, &record).await?;
    tx.commit().await?;
    Ok(NoContent)
}
