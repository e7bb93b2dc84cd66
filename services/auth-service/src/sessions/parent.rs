use db::{Scoped, TenantTx};
use identity::Principal;
use sqlx::{FromRow, types::time::OffsetDateTime};
use web::{Error, Result};

use crate::AuthRefusal;

/// The session from which its person opens another one. That one knows no more, and lives no longer: else whoever has found
/// a token could go on for ever.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parent {
    /// When the person has last shown who they are.
    pub(crate) since: OffsetDateTime,
    /// When the session ends.
    pub(crate) until: OffsetDateTime,
}

#[derive(FromRow)]
struct Kept {
    authenticated_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    via: String,
}

const FIND: Scoped = Scoped::new(
    "select authenticated_at, expires_at, via from app.sessions where account_id = $1 and id = $2",
);

impl Parent {
    /// That of `who`, if it leads anywhere: one that was opened at an account's identity provider is good for that
    /// account alone, and opens no other.
    pub(crate) async fn of(tx: &mut TenantTx, who: &Principal) -> Result<Self> {
        let kept: Option<Kept> = tx.read(FIND).bind(who.session()).optional().await?;
        let kept = kept.ok_or(Error::Unauthenticated)?;
        if kept.via == "provider" {
            return Err(AuthRefusal::ProviderSession.into());
        }
        Ok(Self { since: kept.authenticated_at, until: kept.expires_at })
    }
}
