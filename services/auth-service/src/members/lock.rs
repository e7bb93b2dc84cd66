use axum::extract::State;
use db::{Change, TenantTx};
use kernel::{Id, User, UserId};
use sqlx::types::time::OffsetDateTime;
use web::{Error, May, NoContent, Path, Result, Write};

use super::{Membership, find, profile};
use crate::{App, throttle::Of};

/// Let a member log in again at once, who has to wait because somebody guessed.
///
/// How often is bounded: whoever may do this must not guess without end either.
#[utoipa::path(delete, path = "/api/v1/members/{id}/lock", params(Id<User>), tag = "members")]
pub(crate) async fn lift_lock(
    State(app): State<App>,
    may: May<Write, Membership>,
    Path(id): Path<UserId>,
) -> Result<NoContent> {
    let mut tx = may.begin().await?;
    find(&mut tx, id).await?;
    let email = profile(&mut tx, id).await?.ok_or(Error::NotFound("member"))?.email;
    app.throttle.count(&app, &[Of::Lift(&email)]).await?;
    app.throttle.key(Of::Login(&email)).forgive(&mut tx).await?;
    tx.note(Change::new("auth.member.unlocked", "member", id.into(), "unlocked"));
    tx.commit().await?;
    Ok(NoContent)
}

/// Until when they have to wait.
pub(super) async fn locked_until(
    app: &App,
    tx: &mut TenantTx,
    email: &str,
) -> Result<Option<OffsetDateTime>> {
    app.throttle.key(Of::Login(email)).blocked_until(tx).await
}
