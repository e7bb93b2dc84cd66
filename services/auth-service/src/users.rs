//! Users: people with an e-mail address, which all their accounts share.

use db::{LookupFunction, SystemTx, TenantTx};
use kernel::UserId;

use crate::AuthRefusal;

const ADD_USER: LookupFunction = LookupFunction::new("select from app.add_user($1, $2, $3, $4)");
const EMAIL: LookupFunction = LookupFunction::new("select email from app.whoami()");

/// Data of a user to be created.
pub(crate) struct NewUser<'p> {
    pub(crate) email: &'p str,
    pub(crate) name: &'p str,
    pub(crate) password_hash: &'p str,
}

impl NewUser<'_> {
    /// Creates the user; the constraint `uq_users_email` rejects a taken address.
    pub(crate) async fn add(&self, tx: &mut SystemTx) -> db::Result<UserId> {
        let user = UserId::new();
        tx.ask::<()>(ADD_USER, |row| {
            row.bind(user);
            row.bind(self.email);
            row.bind(self.name);
            row.bind(self.password_hash);
        })
        .await?;
        Ok(user)
    }
}

/// True if the address belongs to another user: a violation of `uq_users_email`.
pub(crate) fn is_email_taken(error: &db::Error) -> bool {
    error.constraint() == Some("uq_users_email")
}

/// Refuses the token of an e-mail whose address was registered after the e-mail was sent.
pub(crate) fn refuse_taken_email(error: db::Error) -> db::Error {
    if is_email_taken(&error) { AuthRefusal::TokenInvalid.into() } else { error }
}

/// E-mail address of the transaction's user; `None` if the user no longer exists.
pub(crate) async fn email(tx: &mut TenantTx) -> db::Result<Option<String>> {
    let found: Option<(String,)> = tx.look_up(EMAIL).optional().await?;
    Ok(found.map(|(email,)| email))
}
