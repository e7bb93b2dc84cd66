use db::LookUp;
use identity::{Principal, Verdict};
use secrecy::SecretString;
use web::{ClientAddress, Error, Result};

use crate::{
    App, AuthRefusal,
    sessions::hashing_failed,
    throttle::{Counted, Of},
};

/// Somebody inside, who has shown their password once more.
pub(crate) struct Mine {
    pub(crate) email: String,
    /// Forgiven when all else is right as well.
    pub(crate) counted: Counted,
    /// Who takes a place among the passwords that wait to be hashed.
    pub(crate) holders: Vec<Vec<u8>>,
}

const MINE: LookUp = LookUp::new("select email, password_hash from app.my_password()");

/// Holds `shown` against the password of `who`, who asks from there.
pub(crate) async fn show(
    app: &App,
    who: &Principal,
    from: ClientAddress,
    shown: SecretString,
) -> Result<Mine> {
    let mut tx = app.db.begin_reading(who).await?;
    let mine: Option<(String, String)> = tx.look_up(MINE).optional().await?;
    tx.commit().await?; // hashing takes a thousand times as long as all of this
    let (email, stored) = mine.ok_or(Error::Unauthenticated)?;
    let holders = app.throttle.holders(&[Of::Login(&email), Of::Account(who.account()), Of::From(from)]);
    let place = app.hasher.place(&holders).map_err(hashing_failed)?;
    let counted = app.throttle.count(app, &[Of::Login(&email)]).await?; // whoever has a token must not guess either
    let verdict = place.verify(shown, Some(stored)).await.map_err(hashing_failed)?;
    if verdict == Verdict::Wrong {
        return Err(AuthRefusal::PasswordWrong.into());
    }
    Ok(Mine { email, counted, holders })
}
