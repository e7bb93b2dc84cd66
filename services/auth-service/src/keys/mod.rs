//! Signing keys of access tokens. They are stored in a table and reloaded every few seconds, so that a rotation reaches
//! every replica without a restart. Requests use the copy in memory.

pub(crate) mod jwks;
mod table;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use db::Db;
use identity::{Issuer, IssuerConfig, Jwk, Jwks, KeyError, PublicKeys, SealingKey, Secret};
use kernel::{Clock, jittered};
use tokio::time::sleep;

use table::{Stored, Table};

/// Delay before reloading after a failure: shorter than usual, since a key may have been revoked meanwhile.
const AGAIN: Duration = Duration::from_secs(1);

/// Reason why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The signing key from the environment is unusable.
    #[error("NEXO_SIGNING_KEY cannot be used")]
    Given(#[source] KeyError),
    /// The stored keys were sealed with another secret: the database is of another deployment, or the secret was
    /// replaced.
    #[error(
        "the signing key {kid} cannot be used: start with the NEXO_SECRET that it was sealed under, or make new keys with `nexo keys rotate --replace-all`"
    )]
    Sealed {
        /// Id (`kid`) of the unusable key.
        kid: String,
        /// Why the key cannot be unsealed.
        source: KeyError,
    },
    /// The first keys cannot be generated.
    #[error("the signing keys cannot be made")]
    NotMade(#[source] KeyError),
    /// The table of keys cannot be read.
    #[error("the signing keys cannot be read")]
    Unreadable(#[from] db::Error),
    /// The table is empty even after keys were added: another process deletes them.
    #[error("there are no signing keys in the database")]
    Missing,
}

/// The issuer and the public keys, refreshed from the table until the last clone is dropped.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    table: Table,
    /// Public half of `NEXO_SIGNING_KEY`, if it is set.
    given: Option<Jwk>,
    issuer: Arc<Issuer>,
    public: PublicKeys,
}

impl Keys {
    /// Loads the keys, generates the first ones if there are none, and starts to reload them periodically.
    pub(crate) async fn open(
        mint: &IssuerConfig,
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

    /// The issuer, which signs with the current key.
    #[must_use]
    pub fn issuer(&self) -> &Arc<Issuer> {
        &self.0.issuer
    }

    /// The public keys that verify access tokens.
    #[must_use]
    pub fn public(&self) -> &PublicKeys {
        &self.0.public
    }
}

impl Inner {
    /// Updates issuer and public keys from the table. A key is published before it signs.
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
        let told = failing; // log only the start and the end
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
