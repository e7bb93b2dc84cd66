use db::Reason;
use kernel::{AccountId, UserId};
use secrecy::SecretString;
use web::{RequestId, Result};

use super::Person;
use crate::{App, accounts, sessions::hashing_failed};

/// A person and their company, as an operator makes them.
#[derive(Debug)]
pub struct Founder {
    /// What they log in with. The operator vouches for it.
    pub email: String,
    /// What others call them.
    pub display_name: String,
    /// The company.
    pub account_name: String,
    /// Theirs.
    pub password: SecretString,
}

/// Makes a person and an account that they own, without a letter. `None`: somebody has that address.
pub async fn settle(app: &App, founder: Founder) -> Result<Option<(AccountId, UserId)>> {
    let hash = app.hasher.hash(founder.password).await.map_err(hashing_failed)?;
    #[expect(clippy::disallowed_methods, reason = "the person and the account do not exist before this")]
    let mut tx = app.db.system(Reason::Seed).await?;
    let person = Person { email: founder.email.trim(), name: &founder.display_name, password_hash: &hash };
    let user = match person.add(&mut tx).await {
        Err(error) if error.constraint() == Some("uq_users_email") => return Ok(None),
        added => added?,
    };
    let request = RequestId::current_or_new();
    let (account, tx) = accounts::found(tx, &founder.account_name, user, request, None).await?;
    tx.commit().await?;
    Ok(Some((account, user)))
}
