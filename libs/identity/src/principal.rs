use std::sync::Arc;

use kernel::{AccountId, SessionId, UserId};
use uuid::Uuid;

use crate::{Permissions, public_keys::PublicKey};

/// Somebody whose token has been verified, on one of their requests. Only a [`Verifier`](crate::Verifier) makes one.
#[derive(Debug, Clone)]
pub struct Principal {
    verified: Arc<Verified>,
    request: Uuid,
}

/// What a verified token says; shared by all requests that carry it.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) account: AccountId,
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) epoch: i32,
    pub(crate) roles: Vec<String>,
    pub(crate) permissions: Permissions,
    pub(crate) for_key: bool,
    /// Seconds since 1970.
    pub(crate) expires: i64,
    /// What it was signed with.
    pub(crate) key: Arc<PublicKey>,
}

/// A person whose token has been verified, on one of their requests, and who is a member of no account: no [`Principal`], and
/// good for what concerns the person alone. Only a [`Verifier`](crate::Verifier) makes one.
#[derive(Debug, Clone)]
pub struct Person {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) request: Uuid,
}

impl Person {
    /// The person.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The login that the token came from.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The request they make, for logs and history.
    #[must_use]
    pub fn request(&self) -> Uuid {
        self.request
    }
}

/// Whose token it is.
#[derive(Debug, Clone)]
pub enum Identity {
    /// Somebody inside an account.
    Member(Principal),
    /// A person who is a member of none.
    Person(Person),
}

impl Identity {
    /// The person.
    #[must_use]
    pub fn user(&self) -> UserId {
        match self {
            Self::Member(who) => who.user(),
            Self::Person(person) => person.user(),
        }
    }

    /// The account they work in, if they work in one.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Member(who) => Some(who.account()),
            Self::Person(_) => None,
        }
    }

    /// The request they make.
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

    /// The account they work in.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.verified.account
    }

    /// The person.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.verified.user
    }

    /// The login that the token came from.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.verified.session
    }

    /// The epoch of that login in which the token was issued.
    #[must_use]
    pub fn epoch(&self) -> i32 {
        self.verified.epoch
    }

    /// The request they make, for logs, history and events.
    #[must_use]
    pub fn request(&self) -> Uuid {
        self.request
    }

    /// The names of their roles.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.verified.roles
    }

    /// What they may do.
    #[must_use]
    pub fn permissions(&self) -> &Permissions {
        &self.verified.permissions
    }

    /// Whether this is an API key, which does what it was made for and nothing that is for people alone.
    #[must_use]
    pub fn is_key(&self) -> bool {
        self.verified.for_key
    }
}
