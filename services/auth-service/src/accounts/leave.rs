use axum::extract::State;
use db::Reason;
use kernel::{Account, AccountId, Id};
use web::{AuthenticatedUser, NoContent, Path, Result};

use super::list::account_of_user;
use crate::{
    App,
    members::{MemberRefusal, count_owners, remove_from_account},
    rights,
};

/// Leave an account.
///
/// The caller's sessions there end. The last owner cannot leave, nor can a suspended member: only an administrator ends
/// a suspension.
#[utoipa::path(delete, path = "/api/v1/accounts/{id}/membership", params(Id<Account>), tag = "auth")]
pub(crate) async fn leave_account(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
    Path(id): Path<AccountId>,
) -> Result<NoContent> {
    account_of_user(&app, &who, id).await?;
    #[expect(
        clippy::disallowed_methods,
        reason = "an account of the person's own, which the look-up has named"
    )]
    let tx = app.db.begin_unscoped(Reason::OwnChange).await?;
    let mut tx = tx.enter(id, who.user(), who.request());
    let mine = rights::lock_for(&mut tx, who.user()).await?.ok_or(MemberRefusal::Suspended)?;
    if mine.is_owner() && count_owners(&mut tx).await? < 2 {
        return Err(MemberRefusal::LastOwner.into());
    }
    remove_from_account(&mut tx, who.user(), "left").await?;
    tx.commit().await?;
    Ok(NoContent)
}
