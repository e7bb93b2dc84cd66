use db::{Scoped, TenantTx};
use identity::Principal;
use kernel::AccountId;
use sqlx::{FromRow, types::time::OffsetDateTime};
use web::{Error, Result};

use super::person::Outside;
use crate::AuthRefusal;

/// The session from which its person opens another one. That one knows no more, and lives no longer: else whoever has found
/// a token could go on for ever.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parent {
    /// When the person has last shown who they are.
    pub(crate) since: OffsetDateTime,
    /// When the session ends; that of a person without an account says nothing of how long they stay where they come in.
    pub(crate) until: Option<OffsetDateTime>,
    /// The only account that it leads to: the one whose identity provider speaks for the person.
    pub(crate) only: Option<AccountId>,
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
        Ok(Self { since: kept.authenticated_at, until: Some(kept.expires_at), only: None })
    }

    /// That of a person who is a member of no account.
    pub(crate) fn outside(session: &Outside) -> Self {
        Self { since: session.authenticated_at, until: None, only: session.account_id }
    }

    /// Whether it leads to `account`; to a new one, if none is said.
    pub(crate) fn leads_to(&self, account: Option<AccountId>) -> Result<()> {
        if self.only.is_none_or(|only| Some(only) == account) {
            Ok(())
        } else {
            Err(AuthRefusal::ProviderSession.into())
        }
    }
}
