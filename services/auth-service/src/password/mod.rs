//! Passwords: changed with the current password, or reset by e-mail.

mod change;
mod reset;
mod verify;

use kernel::{AccountId, UserId};
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{RequestId, Result};

use crate::{App, sessions::end::end_all, user_accounts};
pub(crate) use verify::verify_current;

/// Revokes all login sessions of `user` in every account except `except`.
pub(crate) async fn end_everywhere(
    app: &App,
    user: UserId,
    request: RequestId,
    except: Option<AccountId>,
) -> Result<()> {
    for account in user_accounts::list(&app.db, user, request).await? {
        if Some(account) != except {
            let mut tx = user_accounts::enter(&app.db, account, user, request).await?;
            end_all(&mut tx, user, "password").await?;
            tx.commit().await?;
        }
    }
    Ok(())
}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(change::change_password))
        .routes(routes!(reset::request_password_reset))
        .routes(routes!(reset::reset_password))
}
