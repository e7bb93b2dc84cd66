//! The accounts of one user, each entered in a transaction of its own: no transaction sees two accounts.

use db::{Db, LookupFunction, Reason, TenantTx};
use kernel::{AccountId, UserId};
use uuid::Uuid;
use web::{RequestId, Result};

const ACCOUNTS: LookupFunction = LookupFunction::new("select account_id from app.my_accounts()");

/// Accounts that `user` is or was a member of.
pub(crate) async fn list(db: &Db, user: UserId, request: RequestId) -> Result<Vec<AccountId>> {
    let mut tx = enter(db, Uuid::nil().into(), user, request).await?;
    let accounts: Vec<(AccountId,)> = tx.look_up(ACCOUNTS).all().await?;
    Ok(accounts.into_iter().map(|(account,)| account).collect())
}

/// Enters one of the accounts as `user`.
pub(crate) async fn enter(db: &Db, account: AccountId, user: UserId, request: RequestId) -> Result<TenantTx> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a person's own sessions, in accounts of theirs which the look-up names"
    )]
    let tx = db.begin_unscoped(Reason::OwnAccounts).await?;
    Ok(tx.enter(account, user, request.0))
}
