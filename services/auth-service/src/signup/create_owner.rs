use db::Reason;
use kernel::{AccountId, UserId};
use secrecy::SecretString;
use web::{RequestId, Result};

use crate::{
    App, accounts,
    hashing::hashing_failed,
    users::{NewUser, is_email_taken},
};

/// A user and their account, created by an operator.
#[derive(Debug)]
pub struct NewOwner {
    /// E-mail for logins; the operator vouches for it.
    pub email: String,
    /// Name shown to other members.
    pub display_name: String,
    /// Name of the user's company.
    pub account_name: String,
    /// Initial password of the user.
    pub password: SecretString,
}

/// Creates a user and an account that they own, without an e-mail. `None` if the address is taken.
pub async fn create_owner_account(app: &App, founder: NewOwner) -> Result<Option<(AccountId, UserId)>> {
    let hash = app.hasher.hash(founder.password).await.map_err(hashing_failed)?;
    #[expect(clippy::disallowed_methods, reason = "the person and the account do not exist before this")]
    let mut tx = app.db.begin_unscoped(Reason::Seed).await?;
    let person = NewUser { email: founder.email.trim(), name: &founder.display_name, password_hash: &hash };
    let user = match person.add(&mut tx).await {
        Err(error) if is_email_taken(&error) => return Ok(None),
        added => added?,
    };
    let request = RequestId::current_or_new();
    let (account, tx) = accounts::create_account_for(tx, &founder.account_name, user, request, None).await?;
    tx.commit().await?;
    Ok(Some((account, user)))
}
