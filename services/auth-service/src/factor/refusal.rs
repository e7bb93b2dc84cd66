use db::{Refusal, Sort};

use super::At;

/// Why a second factor is not enough, or cannot be changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FactorRefusal {
    /// The password is right, and no code came with it.
    #[error("a code of your authenticator app, or a recovery code, is required as well")]
    Required(At),
    /// Of another time, used before, or never good: nobody can tell which.
    #[error("the code is wrong, or was used before")]
    Wrong(At),
    /// Whoever wants another one removes it first, which needs more than a password.
    #[error("there is a second factor already; remove it first")]
    Exists,
    /// Nor within the last hour.
    #[error("no second factor is being added; begin again")]
    NotBegun,
    /// Whoever makes the rule would be shut out by it.
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

    fn sort(&self) -> Sort {
        match self {
            Self::Required(At::Login) | Self::Wrong(At::Login) => Sort::Unauthenticated,
            Self::Required(At::Inside) | Self::Wrong(At::Inside) => Sort::Invalid,
            Self::Exists | Self::NotBegun | Self::OwnFirst => Sort::Conflict,
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
