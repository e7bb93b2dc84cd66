use db::{Refusal, RefusalKind};

/// Where a code is required. A client whose login is rejected has no token; a logged-in one keeps its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Challenge {
    Login,
    Inside,
}

/// Reasons to reject a second factor or a change of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FactorRefusal {
    /// The password is right, but the code is missing.
    #[error("a code of your authenticator app, or a recovery code, is required as well")]
    Required(Challenge),
    /// The code has expired, was used before, or never was valid. The answer does not reveal which.
    #[error("the code is wrong, or was used before")]
    Wrong(Challenge),
    /// Replacing a factor requires removing it first, which needs more than a password.
    #[error("there is a second factor already; remove it first")]
    Exists,
    /// No enrollment was started within the last hour.
    #[error("no second factor is being added; begin again")]
    NotBegun,
    /// The author of the rule has no second factor, and would be locked out by it.
    #[error("add a second factor of your own first")]
    OwnFirst,
}

impl Refusal for FactorRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Required(_) => "second-factor-required",
            Self::Wrong(_) => "second-factor-wrong",
            Self::Exists => "second-factor-exists",
            Self::NotBegun => "second-factor-not-begun",
            Self::OwnFirst => "second-factor-required-first",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::Required(Challenge::Login) | Self::Wrong(Challenge::Login) => RefusalKind::Unauthenticated,
            Self::Required(Challenge::Inside) | Self::Wrong(Challenge::Inside) => RefusalKind::Invalid,
            Self::Exists | Self::NotBegun | Self::OwnFirst => RefusalKind::Conflict,
        }
    }

    fn pointer(&self) -> Option<&'static str> {
        match self {
            Self::Required(_) | Self::Wrong(_) => Some("/code"),
            Self::OwnFirst => Some("/require_second_factor"),
            Self::Exists | Self::NotBegun => None,
        }
    }
}
