//! The keys that access tokens are signed with: kept in a table, and read again every few seconds, so that a rotation
//! reaches every replica without a restart. No request asks for them: it finds them in memory.

pub(crate) mod jwks;
mod table;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use db::Db;
use identity::{Issuer, Jwk, Jwks, KeyError, Mint, PublicKeys, SealingKey, Secret};
use kernel::{Clock, jittered};
use tokio::time::sleep;

use table::{Stored, Table};

/// After a failure, the table is read again sooner: a key may have been retired meanwhile.
const AGAIN: Duration = Duration::from_secs(1);

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The key that the operator gave.
    #[error("NEXO_SIGNING_KEY cannot be used")]
    Given(#[source] KeyError),
    /// The keys of the database are of another deployment's secret, or the secret was replaced.
    #[error(
        "the signing key {kid} cannot be used: start with the NEXO_SECRET that it was sealed under, or make new keys with `nexo keys rotate --replace-all`"
    )]
    Sealed {
        /// The key's name.
        kid: String,
        /// Why.
        source: KeyError,
    },
    /// The first keys.
    #[error("the signing keys cannot be made")]
    NotMade(#[source] KeyError),
    /// The table.
    #[error("the signing keys cannot be read")]
    Unreadable(#[from] db::Error),
    /// Somebody takes them away as fast as they are made.
    #[error("there are no signing keys in the database")]
    Missing,
}

/// The issuer and the public keys, kept as the table says for as long as somebody holds this.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    table: Table,
    /// The public half of `NEXO_SIGNING_KEY`.
    given: Option<Jwk>,
    issuer: Arc<Issuer>,
    public: PublicKeys,
}

impl Keys {
    /// Reads the keys, makes the first ones if there are none, and reads them again about every so often.
    pub(crate) async fn open(
        mint: &Mint,
        secret: &Secret,
        db: &Db,
        clock: &Clock,
        every: Duration,
    ) -> Result<Self, KeysError> {
        let sealing = SealingKey::new(secret).map_err(KeysError::NotMade)?;
        let table = Table { db: db.clone(), sealing, forgets_after: mint.forgets_after() };
        let given = mint.given().map_err(KeysError::Given)?;
        let key = match &given {
            Some(key) => key.clone(),
            None => table.open(&table.read_or_make().await?)?,
        };
        let inner = Arc::new(Inner {
            table,
            given: given.map(|key| key.public().clone()),
            issuer: Arc::new(mint.issuer(key, clock.clone())),
            public: PublicKeys::default(),
        });
        inner.refresh().await?;
        tokio::spawn(follow(Arc::downgrade(&inner), every));
        Ok(Self(inner))
    }

    /// Signs with the current key.
    #[must_use]
    pub fn issuer(&self) -> &Arc<Issuer> {
        &self.0.issuer
    }

    /// What tokens are verified by.
    #[must_use]
    pub fn public(&self) -> &PublicKeys {
        &self.0.public
    }
}

impl Inner {
    /// Makes issuer and public keys as the table says. A key is published before it signs.
    async fn refresh(&self) -> Result<(), KeysError> {
        if let Some(given) = &self.given {
            self.publish(Some(given), self.table.read().await?);
            return Ok(());
        }
        let stored = self.table.read_or_make().await?;
        let kid = stored.kid.clone();
        let another = (self.issuer.key().public().kid != kid).then(|| self.table.open(&stored));
        self.publish(None, Some(stored));
        if let Some(key) = another {
            self.issuer.sign_with(key?);
            tracing::info!(key.id = kid, "access tokens are signed with another key");
        }
        if let Some(seconds) = self.table.age().await? {
            metrics::gauge!("nexo_signing_key_age_seconds").set(seconds);
        }
        Ok(())
    }

    fn publish(&self, given: Option<&Jwk>, stored: Option<Stored>) {
        let stored = stored.map(|stored| stored.public.0).unwrap_or_default();
        self.public.replace(&Jwks { keys: given.cloned().into_iter().chain(stored).collect() });
    }
}

async fn follow(keys: Weak<Inner>, every: Duration) {
    let mut failing = false;
    loop {
        sleep(jittered(if failing { every.min(AGAIN) } else { every })).await;
        let Some(keys) = keys.upgrade() else { return };
        let told = failing; // once, when it begins and when it ends
        failing = match keys.refresh().await {
            Ok(()) => {
                if told {
                    tracing::info!("the signing keys are read again");
                }
                false
            }
            Err(error) => {
                if !told {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the signing keys stay as they were"
                    );
                }
                true
            }
        };
    }
}
