use axum::extract::State;
use db::{Reason, TenantCommand};
use kernel::{Account, AccountId, Id};
use web::{AuthenticatedUser, Error, Json, Path, Result};

use super::list::account_of_user;
use crate::{
    App,
    device::Device,
    sessions::{TokenPair, open_session_from, parent::Parent},
};

const USED: TenantCommand = TenantCommand::new(
    "update app.memberships set last_used_at = now() where account_id = $1 and user_id = $2",
);

/// Open a session in another account of the caller.
///
/// The current session stays.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/sessions", params(Id<Account>), tag = "auth")]
pub(crate) async fn switch_account(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
    Path(id): Path<AccountId>,
    device: Device,
) -> Result<Json<TokenPair>> {
    if !account_of_user(&app, &who, id).await?.is_open() {
        return Err(Error::NotFound("account"));
    }
    let mut tx = app.db.begin_read_only(&who).await?;
    let parent = Parent::read(&mut tx, &who).await?;
    tx.commit().await?;
    #[expect(
        clippy::disallowed_methods,
        reason = "an account of the person's own, which the look-up has named"
    )]
    let tx = app.db.begin_unscoped(Reason::OwnAccounts).await?;
    let mut tx = tx.enter(id, who.user(), who.request());
    tx.execute_untracked::<()>(USED).bind(who.user()).run().await?;
    let tokens = open_session_from(&app, &mut tx, id, who.user(), &device, Some(parent)).await?;
    tx.commit().await?;
    Ok(Json(tokens))
}
