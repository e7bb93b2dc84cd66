//! The table of signing keys, accessed as the migrating role.

use std::time::Duration;

use anyhow::Context as _;
use identity::{SealedKey, SealingKey};
use serde::Serialize;
use sqlx::{Connection as _, FromRow, PgConnection, Postgres, Transaction, types::Json};
use time::OffsetDateTime;

use super::Refusal;

/// A signing key, as stored.
#[derive(Debug, Clone, Serialize, FromRow)]
pub(super) struct StoredKey {
    pub(super) kid: String,
    /// State of the key: next, current or retired.
    pub(super) state: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) activated_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) retired_at: Option<OffsetDateTime>,
    /// Time of revocation; its tokens are rejected from then on.
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) ended_at: Option<OffsetDateTime>,
    /// Expiry of the key's last token; `None` while the key may still sign.
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) tokens_until: Option<OffsetDateTime>,
    pub(super) age_seconds: i64,
    #[serde(skip)]
    sealed: Option<Vec<u8>>,
}

/// All keys, and the present time by the database's clock, which is authoritative.
pub(super) struct StoredKeys {
    pub(super) now: OffsetDateTime,
    pub(super) all: Vec<StoredKey>,
}

impl StoredKeys {
    pub(super) async fn read(conn: &mut PgConnection, forgets_after: Duration) -> anyhow::Result<Self> {
        let read = async {
            let (now,): (OffsetDateTime,) =
                sqlx::query_as("select clock_timestamp()").fetch_one(&mut *conn).await?;
            let all = sqlx::query_as(
                "select kid, state, created_at, activated_at, retired_at, ended_at, sealed,
                    case when activated_at is not null then least(ended_at, retired_at + $1 * interval '1 second') end as tokens_until,
                    extract(epoch from $2 - created_at)::bigint as age_seconds
                 from app.signing_keys
                 order by state = 'next' desc, state = 'current' desc, retired_at desc, kid",
            )
            .bind(i64::try_from(forgets_after.as_secs()).unwrap_or(i64::MAX))
            .bind(now)
            .fetch_all(&mut *conn)
            .await?;
            Ok::<_, sqlx::Error>(Self { now, all })
        };
        read.await.context("the keys cannot be read: is the database migrated (`nexo db status`)?")
    }

    /// The key in this state, if any.
    pub(super) fn one(&self, state: &str) -> Option<&StoredKey> {
        self.all.iter().find(|key| key.state == state)
    }
}

impl StoredKey {
    /// Checks that auth-service can decrypt the key.
    pub(super) fn opens_with(&self, sealing: &SealingKey) -> Result<(), Refusal> {
        let sealed = self.sealed.as_deref().unwrap_or_default();
        sealing.open(&self.kid, sealed).map(drop).map_err(|_| Refusal::OtherSecret)
    }
}

/// Begins a transaction that excludes other changes of keys, but not reads.
pub(super) async fn alone(conn: &mut PgConnection) -> anyhow::Result<Transaction<'_, Postgres>> {
    let mut tx = conn.begin().await?;
    sqlx::query("set local lock_timeout = '5s'").execute(&mut *tx).await?;
    sqlx::query("lock table app.signing_keys in exclusive mode").execute(&mut *tx).await?;
    Ok(tx)
}

/// Stores a new key in this state.
pub(super) async fn add(conn: &mut PgConnection, key: &SealedKey, state: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into app.signing_keys (kid, state, public, sealed, activated_at)
         values ($1, $2, $3, $4, case when $2 = 'current' then now() end)",
    )
    .bind(&key.public.kid)
    .bind(state)
    .bind(Json(&key.public))
    .bind(&key.sealed)
    .execute(conn)
    .await?;
    Ok(())
}
