use kernel::Id;
use resource::Resource as _;
use resource::Versioned;
use web::{Authorized, Delete, IdempotencyKey, IdempotencyOutcome, Idempotent, Path, Replayable, Result};

use super::{Team, members::members};
use crate::rights;

/// Restores a team. Its members share their records again, so this is authorized like a new team of these members.
pub(super) async fn restore_team(
    auth: Authorized<Delete, Team>,
    key: Option<IdempotencyKey>,
    Path(id): Path<Id<Team>>,
) -> Result<Replayable<Versioned<Team>>> {
    let idempotent = Idempotent::new(key, &())?.with_records(Team::ACCESS);
    let mut tx = match idempotent.begin(auth.begin().await?).await? {
        IdempotencyOutcome::New(tx) => tx,
        IdempotencyOutcome::Replay(answer) => return Ok(answer),
    };
    let author = rights::lock(&mut tx, auth.who()).await?;
    resource::find_to_restore(&mut tx, id).await?;
    let all = members(&mut tx, id).await?;
    author.authorize_team(&mut tx, &[], &all).await?; // before they share a team again
    let team = resource::restore(&mut tx, id).await?;
    let shown = Versioned::new(resource::visible(&mut tx, team).await?);
    idempotent.answer(tx, shown).await
}
