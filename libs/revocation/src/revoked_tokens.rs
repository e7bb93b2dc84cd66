use std::fmt;

use kernel::{AccountId, SessionId};
use uuid::Uuid;

/// Revocation of a session's tokens: those of an epoch before `before`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevokedTokens {
    pub(crate) account: AccountId,
    pub(crate) session: SessionId,
    pub(crate) before: i32,
}

impl RevokedTokens {
    /// Revokes all tokens, because the session has ended.
    #[must_use]
    pub fn entire_session(account: AccountId, session: SessionId) -> Self {
        Self::before(account, session, i32::MAX)
    }

    /// Revokes tokens of epochs before `epoch`, because the user's rights have changed.
    #[must_use]
    pub fn before(account: AccountId, session: SessionId, epoch: i32) -> Self {
        Self { account, session, before: epoch }
    }

    /// Parses the text form; `None` for anything else.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let mut id = || parts.next()?.parse::<Uuid>().ok();
        let (account, session) = (id()?, id()?);
        Some(Self::before(account.into(), session.into(), parts.next()?.parse().ok()?))
    }
}

/// Text form in messages: `ACCOUNT/SESSION/EPOCH`.
impl fmt::Display for RevokedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.account, self.session, self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_revocation_is_received_unchanged() {
        let ended = RevokedTokens::before(AccountId::new(), SessionId::new(), 3);
        assert_eq!(RevokedTokens::read(&ended.to_string()), Some(ended));
        for wrong in
            ["", "a/b/c", "0190b0a5-1c6e-7000-8000-000000000000/0190b0a5-1c6e-7000-8000-000000000000"]
        {
            assert!(RevokedTokens::read(wrong).is_none(), "{wrong}");
        }
    }
}
