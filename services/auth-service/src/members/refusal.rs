use db::{Refusal, Sort};

/// Why a member, or what they may do, cannot be changed so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MemberRefusal {
    /// Nobody gives, or takes from somebody, what they do not have. Holds the first such thing.
    #[error("this reaches beyond your own rights: {0}")]
    BeyondOwnRights(String),
    /// An administrator may do as much, and is none.
    #[error("only an owner does this to an owner")]
    OwnersOnly,
    /// Nobody changes their own roles or status.
    #[error("nobody changes their own rights; ask another administrator, or leave the account")]
    OwnRights,
    /// Somebody has to be left who may do everything.
    #[error("the last owner cannot leave; make somebody else the owner first")]
    LastOwner,
    /// See `check_token_size`.
    #[error(
        "a member has at most 20 roles, whose names, permissions and hidden fields together take at most 5000 bytes in a token"
    )]
    TooManyRights,
    /// A suspension is ended by an administrator only.
    #[error("you are suspended in this account: who suspended you can let you in again, or remove you")]
    Suspended,
    /// Not one of the account's.
    #[error("the account has no such role")]
    RoleUnknown,
    /// Not one of the account's.
    #[error("the account has no such member")]
    MemberUnknown,
    /// Not one who could take it over.
    #[error("the new owner must be another active person of this account")]
    SuccessorUnfit,
}

impl Refusal for MemberRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::BeyondOwnRights(_) => "privilege-escalation",
            Self::OwnersOnly => "owner-required",
            Self::OwnRights => "own-roles-locked",
            Self::LastOwner => "last-owner",
            Self::TooManyRights => "too-many-rights",
            Self::Suspended => "member-suspended",
            Self::RoleUnknown => "role-unknown",
            Self::MemberUnknown => "member-unknown",
            Self::SuccessorUnfit => "invalid-new-owner",
        }
    }

    fn sort(&self) -> Sort {
        match self {
            Self::BeyondOwnRights(_) | Self::OwnersOnly | Self::OwnRights => Sort::Forbidden,
            Self::LastOwner | Self::Suspended => Sort::Conflict,
            Self::TooManyRights | Self::RoleUnknown | Self::MemberUnknown | Self::SuccessorUnfit => {
                Sort::Invalid
            }
        }
    }

    fn pointer(&self) -> Option<&'static str> {
        match self {
            Self::RoleUnknown => Some("/roles"),
            Self::MemberUnknown => Some("/members"),
            Self::SuccessorUnfit => Some("/member_id"),
            _ => None,
        }
    }
}
