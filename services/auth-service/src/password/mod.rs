//! Passwords: changed by whoever knows theirs, reset by whoever reads their mail.

mod change;
mod reset;

use db::{LookUp, Reason};
use kernel::{AccountId, UserId};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{RequestId, Result};

use crate::{App, sessions::end::end_all};

const ACCOUNTS: LookUp = LookUp::new("select account_id from app.my_accounts()");

/// Ends every session of `user`, in every account but `except`. One transaction for each account: none sees two.
pub(crate) async fn end_everywhere(
    app: &App,
    user: UserId,
    request: RequestId,
    except: Option<AccountId>,
) -> Result<()> {
    let within = async |account: AccountId| {
        #[expect(
            clippy::disallowed_methods,
            reason = "a person's own sessions, in accounts of theirs which the look-up names"
        )]
        let tx = app.db.system_inside(Reason::OwnAccounts, account, user, request.0).await;
        tx
    };
    let mut tx = within(Uuid::nil().into()).await?;
    let accounts: Vec<(AccountId,)> = tx.look_up(ACCOUNTS).all().await?;
    drop(tx);
    for (account,) in accounts.into_iter().filter(|(account,)| Some(*account) != except) {
        let mut tx = within(account).await?;
        end_all(&mut tx, user, "password").await?;
        tx.commit().await?;
    }
    Ok(())
}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(change::change_password))
        .routes(routes!(reset::request_password_reset))
        .routes(routes!(reset::reset_password))
}
