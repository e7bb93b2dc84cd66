use axum::extract::State;
use db::{Reason, ScopedWrite};
use kernel::{Account, AccountId, Id};
use web::{Error, Json, Known, Path, Result};

use super::list::one_of_mine;
use crate::{
    App,
    sessions::{Tokens, device::Device, open_session_from, parent::Parent},
};

const USED: ScopedWrite = ScopedWrite::new(
    "update app.memberships set last_used_at = now() where account_id = $1 and user_id = $2",
);

/// Come in to another account of mine.
///
/// The answer is a session there; the one I have stays.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/sessions", params(Id<Account>), tag = "auth")]
pub(crate) async fn switch_account(
    State(app): State<App>,
    Known(who): Known,
    Path(id): Path<AccountId>,
    device: Device,
) -> Result<Json<Tokens>> {
    if !one_of_mine(&app, &who, id).await?.is_open() {
        return Err(Error::NotFound("account"));
    }
    let mut tx = app.db.begin_reading(&who).await?;
    let parent = Parent::of(&mut tx, &who).await?;
    tx.commit().await?;
    #[expect(
        clippy::disallowed_methods,
        reason = "an account of the person's own, which the look-up has named"
    )]
    let tx = app.db.system(Reason::OwnAccounts).await?;
    let mut tx = tx.enter(id, who.user(), who.request()).await?;
    tx.write_unnoted::<()>(USED).bind(who.user()).run().await?;
    let tokens = open_session_from(&app, &mut tx, id, who.user(), &device, Some(parent)).await?;
    tx.commit().await?;
    Ok(Json(tokens))
}
