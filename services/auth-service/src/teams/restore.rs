use kernel::Id;
use web::{
    Authorized, Delete, IdempotencyKey, IdempotencyOutcome, Idempotent, Path, Replayable, Result, Versioned,
};

use super::{Team, members::members};
use crate::rights;

/// Restores a team. Its members share their records again, so this is authorized like a new team of these members.
pub(super) async fn restore_team(
    auth: Authorized<Delete, Team>,
    key: Option<IdempotencyKey>,
    Path(id): Path<Id<Team>>,
) -> Result<Replayable<Versioned<Team>>> {
    let idempotent = Idempotent::new(key, &())?;
    let mut tx = match idempotent.begin_with::<Team, _>(auth.begin().await?).await? {
        IdempotencyOutcome::New(tx) => tx,
        IdempotencyOutcome::Replay(answer) => return Ok(answer),
    };
    let author = rights::lock(&mut tx, auth.who()).await?;
    db::find_to_restore(&mut tx, id).await?;
    let all = members(&mut tx, id).await?;
    author.authorize_team(&mut tx, &[], &all).await?; // before they share a team again
    let team = db::restore(&mut tx, id).await?;
    let shown = Versioned(db::visible(&mut tx, team).await?);
    idempotent.answer_with::<Team, _>(tx, shown).await
}
