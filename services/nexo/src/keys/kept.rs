//! The table of keys, as the role that migrates sees it.

use std::time::Duration;

use anyhow::Context as _;
use identity::{SealedKey, SealingKey};
use serde::Serialize;
use sqlx::{Connection as _, FromRow, PgConnection, Postgres, Transaction, types::Json};
use time::OffsetDateTime;

use super::Refusal;

/// A key that is kept.
#[derive(Debug, Clone, Serialize, FromRow)]
pub(super) struct Kept {
    pub(super) kid: String,
    /// next, current or retired.
    pub(super) state: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) activated_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) retired_at: Option<OffsetDateTime>,
    /// From when on its tokens are refused, expired or not.
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) ended_at: Option<OffsetDateTime>,
    /// Until when its tokens can be alive; nobody knows it of a key that has not stopped signing.
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) tokens_until: Option<OffsetDateTime>,
    pub(super) age_seconds: i64,
    #[serde(skip)]
    sealed: Option<Vec<u8>>,
}

/// Every key, and when it is: the database's clock is the one that counts.
pub(super) struct Keys {
    pub(super) now: OffsetDateTime,
    pub(super) all: Vec<Kept>,
}

impl Keys {
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

    /// The one key in this state.
    pub(super) fn one(&self, state: &str) -> Option<&Kept> {
        self.all.iter().find(|key| key.state == state)
    }
}

impl Kept {
    /// Fails if auth-service would not be able to sign with it.
    pub(super) fn opens_with(&self, sealing: &SealingKey) -> Result<(), Refusal> {
        let sealed = self.sealed.as_deref().unwrap_or_default();
        sealing.open(&self.kid, sealed).map(drop).map_err(|_| Refusal::OtherSecret)
    }
}

/// A transaction that others who change keys wait for; who reads them does not.
pub(super) async fn alone(conn: &mut PgConnection) -> anyhow::Result<Transaction<'_, Postgres>> {
    let mut tx = conn.begin().await?;
    sqlx::query("set local lock_timeout = '5s'").execute(&mut *tx).await?;
    sqlx::query("lock table app.signing_keys in exclusive mode").execute(&mut *tx).await?;
    Ok(tx)
}

/// Keeps a key that was just made.
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
