use db::{Refusal, RefusalKind};

/// Reasons to reject a change of rights.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RightsRefusal {
    /// The change grants or removes rights that the caller lacks. Holds the first such right.
    #[error("this reaches beyond your own rights: {0}")]
    BeyondOwnRights(String),
    /// The target is an owner and the caller is not, although an administrator may do as much.
    #[error("only an owner does this to an owner")]
    OwnersOnly,
    /// The rights exceed what fits into a token: see `check_token_size`.
    #[error(
        "a member has at most 20 roles, whose names, permissions and hidden fields together take at most 5000 bytes in a token"
    )]
    TooManyRights,
}

impl Refusal for RightsRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::BeyondOwnRights(_) => "privilege-escalation",
            Self::OwnersOnly => "owner-required",
            Self::TooManyRights => "too-many-rights",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::BeyondOwnRights(_) | Self::OwnersOnly => RefusalKind::Forbidden,
            Self::TooManyRights => RefusalKind::Invalid,
        }
    }
}
