use axum::extract::State;
use db::Reason;
use kernel::{Account, AccountId, Id};
use web::{Known, NoContent, Path, Result};

use super::list::one_of_mine;
use crate::{
    App,
    members::{MemberRefusal, count_owners, depart},
    rights,
};

/// Leave an account of mine.
///
/// My sessions there end. The last owner cannot leave, nor can whoever is suspended there: they could come back as if they
/// were not.
#[utoipa::path(delete, path = "/api/v1/accounts/{id}/membership", params(Id<Account>), tag = "auth")]
pub(crate) async fn leave_account(
    State(app): State<App>,
    Known(who): Known,
    Path(id): Path<AccountId>,
) -> Result<NoContent> {
    one_of_mine(&app, &who, id).await?;
    #[expect(
        clippy::disallowed_methods,
        reason = "an account of the person's own, which the look-up has named"
    )]
    let tx = app.db.system(Reason::OwnChange).await?;
    let mut tx = tx.enter(id, who.user(), who.request()).await?;
    let mine = rights::lock_for(&mut tx, who.user()).await?.ok_or(MemberRefusal::Suspended)?;
    if mine.is_owner() && count_owners(&mut tx).await? < 2 {
        return Err(MemberRefusal::LastOwner.into());
    }
    depart(&mut tx, who.user(), "left").await?;
    tx.commit().await?;
    Ok(NoContent)
}
