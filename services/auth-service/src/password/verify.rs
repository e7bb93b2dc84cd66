use db::LookupFunction;
use identity::{Principal, Verdict};
use secrecy::SecretString;
use web::{ClientAddress, Error, Result};

use crate::{
    App, AuthRefusal,
    hashing::hashing_failed,
    throttle::{AttemptKey, CountedAttempts},
};

/// A logged-in user whose password was verified again.
pub(crate) struct VerifiedUser {
    pub(crate) email: String,
    /// Counted attempts, to be reset once the operation succeeds.
    pub(crate) counted: CountedAttempts,
    /// Keys of the hashing queue's fair shares.
    pub(crate) holders: Vec<Vec<u8>>,
}

const MINE: LookupFunction = LookupFunction::new("select email, password_hash from app.my_password()");

/// Verifies the password of `who`, for a request from the address `from`; `pointer` is its place in the body.
pub(crate) async fn verify_current(
    app: &App,
    who: &Principal,
    from: ClientAddress,
    (shown, pointer): (SecretString, &'static str),
) -> Result<VerifiedUser> {
    let mut tx = app.db.begin_read_only(who).await?;
    let mine: Option<(String, String)> = tx.look_up(MINE).optional().await?;
    tx.commit().await?; // release the connection: hashing takes much longer
    let (email, stored) = mine.ok_or(Error::Unauthenticated)?;
    let holders = app.throttle.holders(&[
        AttemptKey::Login(&email),
        AttemptKey::Account(who.account()),
        AttemptKey::From(from),
    ]);
    let place = app.hasher.reserve(&holders).map_err(hashing_failed)?;
    let counted = app.throttle.count(&app.db, &[AttemptKey::Login(&email)]).await?; // guessing with a stolen token
    let verdict = place.verify(shown, Some(stored)).await.map_err(hashing_failed)?;
    if verdict == Verdict::Wrong {
        return Err(AuthRefusal::PasswordWrong(pointer).into());
    }
    Ok(VerifiedUser { email, counted, holders })
}
