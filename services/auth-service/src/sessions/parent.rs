use db::{FromRow, TenantQuery, TenantTx};
use identity::{Identity, Principal};
use kernel::AccountId;
use time::OffsetDateTime;
use web::{Error, Result};

use super::person::UserSession;
use crate::{App, AuthRefusal};

/// The session from which a user opens another one. The new session inherits its login time and expiry, so that a
/// stolen token cannot be extended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parent {
    /// Time of the user's last authentication.
    pub(crate) since: OffsetDateTime,
    /// Expiry of the parent session; `None` for a person session, which does not limit the new one.
    pub(crate) until: Option<OffsetDateTime>,
    /// The only account that it may open: the one whose identity provider authenticated the user.
    pub(crate) only: Option<AccountId>,
}

#[derive(FromRow)]
struct ParentRow {
    authenticated_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    via: String,
}

const FIND: TenantQuery = TenantQuery::new(
    "select authenticated_at, expires_at, via from app.sessions where account_id = $1 and id = $2",
);

impl Parent {
    /// Loads the session of `who`. A session opened at an account's identity provider is refused, since it is valid in
    /// that account only.
    pub(crate) async fn read(tx: &mut TenantTx, who: &Principal) -> Result<Self> {
        let kept: Option<ParentRow> = tx.read(FIND).bind(who.session()).optional().await?;
        let kept = kept.ok_or(Error::Unauthenticated)?;
        if kept.via == "provider" {
            return Err(AuthRefusal::ProviderSession.into());
        }
        Ok(Self { since: kept.authenticated_at, until: Some(kept.expires_at), only: None })
    }

    /// The person session of a user who is a member of no account.
    fn outside(session: &UserSession) -> Self {
        Self { since: session.authenticated_at, until: None, only: session.account_id }
    }

    /// Checks that a session in `account` may be opened; `None` stands for a new account.
    pub(crate) fn leads_to(&self, account: Option<AccountId>) -> Result<()> {
        if self.only.is_none_or(|only| Some(only) == account) {
            Ok(())
        } else {
            Err(AuthRefusal::ProviderSession.into())
        }
    }
}

/// Begins a read-only transaction for `caller`, and loads the parent of a session to be opened.
pub(crate) async fn begin_opening(app: &App, caller: &Identity) -> Result<(TenantTx, Parent)> {
    match caller {
        Identity::Member(who) => {
            let mut tx = app.db.begin_read_only(who).await?;
            let parent = Parent::read(&mut tx, who).await?;
            Ok((tx, parent))
        }
        Identity::Person(person) => {
            let (tx, outside) = UserSession::begin(app, person).await?;
            Ok((tx, Parent::outside(&outside)))
        }
    }
}
