use kernel::Id;
use web::{Answered, Begun, Delete, IdempotencyKey, May, Once, Path, Result, Tagged};

use super::{Team, members::members};
use crate::rights;

/// Restores a team. Its members share their records again, so this is authorized like a new team of these members.
pub(super) async fn restore_team(
    may: May<Delete, Team>,
    key: Option<IdempotencyKey>,
    Path(id): Path<Id<Team>>,
) -> Result<Answered<Tagged<Team>>> {
    let once = Once::of(key, &())?;
    let mut tx = match once.begin_with::<Team, _>(may.begin().await?).await? {
        Begun::First(tx) => tx,
        Begun::Again(answer) => return Ok(answer),
    };
    let author = rights::lock(&mut tx, may.who()).await?;
    db::find_to_restore(&mut tx, id).await?;
    let all = members(&mut tx, id).await?;
    author.authorize_team(&mut tx, &[], &all).await?; // before they share a team again
    let team = db::restore(&mut tx, id).await?;
    let shown = Tagged(db::visible(&mut tx, team).await?);
    once.answer_with::<Team, _>(tx, shown).await
}
