use axum::extract::State;
use db::{Change, TenantTx};
use kernel::{Id, User, UserId};
use time::OffsetDateTime;
use web::{Authorized, Error, NoContent, Path, Result, Write};

use super::{Membership, find, profile};
use crate::{App, throttle::AttemptKey};

/// Lift a member's wait after failed logins.
///
/// The number of lifts is limited, so that a caller cannot use them to guess passwords.
#[utoipa::path(delete, path = "/api/v1/members/{id}/lock", params(Id<User>), tag = "members")]
pub(crate) async fn lift_member_lock(
    State(app): State<App>,
    auth: Authorized<Write, Membership>,
    Path(id): Path<UserId>,
) -> Result<NoContent> {
    let mut tx = auth.begin().await?;
    find(&mut tx, id).await?;
    let email = profile(&mut tx, id).await?.ok_or(Error::NotFound("member"))?.email;
    app.throttle.count(&app.db, &[AttemptKey::Lift(&email)]).await?;
    app.throttle.key(AttemptKey::Login(&email)).reset(&mut tx).await?;
    tx.audit(Change::new("auth.member.unlocked", "member", id.into(), "unlocked"));
    tx.commit().await?;
    Ok(NoContent)
}

/// Time until which the member's logins are rejected after failed attempts.
pub(super) async fn locked_until(
    app: &App,
    tx: &mut TenantTx,
    email: &str,
) -> Result<Option<OffsetDateTime>> {
    app.throttle.key(AttemptKey::Login(email)).blocked_until(tx).await
}
