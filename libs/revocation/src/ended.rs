use std::fmt;

use kernel::{AccountId, SessionId};
use uuid::Uuid;

/// Tokens of a session that are good for nothing any more: those of an epoch before this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    pub(crate) account: AccountId,
    pub(crate) session: SessionId,
    pub(crate) before: i32,
}

impl Ended {
    /// All of them: the session has ended.
    #[must_use]
    pub fn whole(account: AccountId, session: SessionId) -> Self {
        Self::before(account, session, i32::MAX)
    }

    /// Those that were issued in an epoch before `epoch`: somebody's rights have changed.
    #[must_use]
    pub fn before(account: AccountId, session: SessionId, epoch: i32) -> Self {
        Self { account, session, before: epoch }
    }

    /// What was written so; of anything else, nothing.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let mut id = || parts.next()?.parse::<Uuid>().ok();
        let (account, session) = (id()?, id()?);
        Some(Self::before(account.into(), session.into(), parts.next()?.parse().ok()?))
    }
}

/// As it travels: `ACCOUNT/SESSION/EPOCH`.
impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.account, self.session, self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_is_heard() {
        let ended = Ended::before(AccountId::new(), SessionId::new(), 3);
        assert_eq!(Ended::read(&ended.to_string()), Some(ended));
        for wrong in
            ["", "a/b/c", "0190b0a5-1c6e-7000-8000-000000000000/0190b0a5-1c6e-7000-8000-000000000000"]
        {
            assert!(Ended::read(wrong).is_none(), "{wrong}");
        }
    }
}
