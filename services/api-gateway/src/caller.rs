use kernel::{AccountId, SessionId, UserId};
use uuid::Uuid;
use web::{AccountRequired, Result};

use crate::keys::Exchanged;

/// Account or person that a caller authenticates for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject {
    Account(AccountId),
    /// A person who is a member of no account.
    Person(UserId),
}

/// An authenticated caller: with a valid token, or with a key that was exchanged for one.
pub(crate) struct AdmittedCaller {
    pub(crate) subject: Subject,
    /// API key of the caller, presented directly or by a token obtained for it.
    pub(crate) api_key: Option<SessionId>,
    /// Token for which a presented key was exchanged.
    pub(crate) exchanged: Option<Exchanged>,
}

impl Subject {
    /// Key for rate limits: a person without an account has the limits of the plan `free`.
    pub(crate) fn limit_key(self) -> AccountId {
        match self {
            Self::Account(account) => account,
            Self::Person(person) => Uuid::from(person).into(),
        }
    }

    /// Account of the caller; fails for a person without one.
    pub(crate) fn account(self) -> Result<AccountId> {
        match self {
            Self::Account(account) => Ok(account),
            Self::Person(_) => Err(AccountRequired.into()),
        }
    }
}
