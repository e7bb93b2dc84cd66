use std::sync::Arc;

use kernel::{AccountId, SessionId, UserId};
use uuid::Uuid;

use crate::{Permissions, public_keys::PublicKey};

/// An authenticated member or API key on one request. Only a [`Verifier`](crate::Verifier) can create one.
#[derive(Debug, Clone)]
pub struct Principal {
    verified: Arc<Verified>,
    request: Uuid,
}

/// Content of a verified token; shared by all requests with that token.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) account: AccountId,
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) epoch: i32,
    pub(crate) roles: Vec<String>,
    pub(crate) permissions: Permissions,
    pub(crate) for_key: bool,
    /// Expiry as a Unix timestamp in seconds.
    pub(crate) expires: i64,
    /// Key that the token was signed with.
    pub(crate) key: Arc<PublicKey>,
}

/// An authenticated person without an account, on one request. It is not a [`Principal`], and allows only what
/// concerns the person alone. Only a [`Verifier`](crate::Verifier) can create one.
#[derive(Debug, Clone)]
pub struct Person {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) request: Uuid,
}

impl Person {
    /// Id of the person.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Session (login) that the token belongs to.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Id of the request, for logs and history.
    #[must_use]
    pub fn request(&self) -> Uuid {
        self.request
    }
}

/// Identity behind a valid token.
#[derive(Debug, Clone)]
pub enum Identity {
    /// A member or API key inside an account.
    Member(Principal),
    /// A person who is a member of no account.
    Person(Person),
}

impl Identity {
    /// Id of the person.
    #[must_use]
    pub fn user(&self) -> UserId {
        match self {
            Self::Member(who) => who.user(),
            Self::Person(person) => person.user(),
        }
    }

    /// Account of the identity; `None` for a person without one.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Member(who) => Some(who.account()),
            Self::Person(_) => None,
        }
    }

    /// Id of the current request.
    #[must_use]
    pub fn request(&self) -> Uuid {
        match self {
            Self::Member(who) => who.request(),
            Self::Person(person) => person.request(),
        }
    }
}

impl Principal {
    pub(crate) fn new(verified: Arc<Verified>, request: Uuid) -> Self {
        Self { verified, request }
    }

    /// Account that the principal acts in.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.verified.account
    }

    /// Id of the acting user.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.verified.user
    }

    /// Session (login) that the token belongs to.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.verified.session
    }

    /// Epoch of the session at the time the token was issued.
    #[must_use]
    pub fn epoch(&self) -> i32 {
        self.verified.epoch
    }

    /// Id of the request, for logs, history and events.
    #[must_use]
    pub fn request(&self) -> Uuid {
        self.request
    }

    /// Names of the principal's roles.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.verified.roles
    }

    /// Permissions of the principal.
    #[must_use]
    pub fn permissions(&self) -> &Permissions {
        &self.verified.permissions
    }

    /// Whether this is an API key, which cannot use operations that are for people only.
    #[must_use]
    pub fn is_key(&self) -> bool {
        self.verified.for_key
    }
}
