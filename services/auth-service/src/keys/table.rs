use std::time::Duration;

use db::{Bindings, Db, FromRow, Json, LookupFunction, Reason};
use identity::{Jwk, KeyError, SealedKey, SealingKey, SigningKey};

use super::KeysError;

/// The signing key, and the public keys that verify.
#[derive(FromRow)]
pub(super) struct Stored {
    pub(super) kid: String,
    sealed: Vec<u8>,
    pub(super) public: Json<Vec<Jwk>>,
}

/// The table of signing keys.
pub(super) struct Table {
    pub(super) db: Db,
    pub(super) sealing: SealingKey,
    pub(super) forgets_after: Duration,
}

const READ: LookupFunction = LookupFunction::new("select kid, sealed, public from app.signing_keys_now($1)");
const AGE: LookupFunction = LookupFunction::new("select seconds from app.signing_key_age()");
const ADD_FIRST: LookupFunction =
    LookupFunction::new("select from app.add_first_signing_keys($1, $2, $3, $4, $5, $6)");

impl Table {
    pub(super) async fn read(&self) -> db::Result<Option<Stored>> {
        let seconds = i32::try_from(self.forgets_after.as_secs()).unwrap_or(i32::MAX);
        self.ask(READ, |row| row.bind(seconds)).await
    }

    /// Age of the current signing key in seconds.
    pub(super) async fn age(&self) -> db::Result<Option<f64>> {
        Ok(self.ask::<(f64,)>(AGE, |_| {}).await?.map(|(seconds,)| seconds))
    }

    /// Generates the first keys if there are none. A concurrent replica may win; the keys are therefore read back,
    /// since a key that was not stored must not sign.
    pub(super) async fn read_or_make(&self) -> Result<Stored, KeysError> {
        if let Some(stored) = self.read().await? {
            return Ok(stored);
        }
        let make = || self.sealing.make().map_err(KeysError::NotMade);
        let (current, next) = (make()?, make()?);
        self.ask::<()>(ADD_FIRST, |row| {
            for SealedKey { public, sealed } in [current, next] {
                row.bind(public.kid.clone());
                row.bind(Json(public));
                row.bind(sealed);
            }
        })
        .await?;
        self.read().await?.ok_or(KeysError::Missing)
    }

    pub(super) fn open(&self, stored: &Stored) -> Result<SigningKey, KeysError> {
        let opened = self.sealing.open(&stored.kid, &stored.sealed);
        opened.map_err(|source: KeyError| KeysError::Sealed { kid: stored.kid.clone(), source })
    }

    async fn ask<T>(&self, text: LookupFunction, fill: impl FnOnce(&mut Bindings)) -> db::Result<Option<T>>
    where
        T: FromRow,
    {
        #[expect(clippy::disallowed_methods, reason = "the keys are those of all accounts")]
        let mut tx = self.db.begin_unscoped(Reason::SigningKeys).await?;
        let found = tx.ask(text, fill).await?;
        tx.commit().await?;
        Ok(found)
    }
}
