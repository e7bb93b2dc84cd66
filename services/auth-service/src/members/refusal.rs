use db::{Refusal, RefusalKind};

/// Reasons to reject a change of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MemberRefusal {
    /// Callers cannot change their own roles or status.
    #[error("members cannot change their own rights; ask another administrator, or leave the account")]
    OwnRights,
    /// An account needs at least one active owner.
    #[error("the last owner cannot leave; make another member the owner first")]
    LastOwner,
    /// Only an administrator ends a suspension.
    #[error("you are suspended in this account: who suspended you can let you in again, or remove you")]
    Suspended,
    /// The member does not exist in the account.
    #[error("the account has no such member")]
    MemberUnknown,
    /// The new owner is not an active person of the account, or a service account would become an owner.
    #[error("the new owner must be another active person of this account")]
    SuccessorUnfit,
}

impl Refusal for MemberRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::OwnRights => "own-roles-locked",
            Self::LastOwner => "last-owner",
            Self::Suspended => "member-suspended",
            Self::MemberUnknown => "member-unknown",
            Self::SuccessorUnfit => "invalid-new-owner",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::OwnRights => RefusalKind::Forbidden,
            Self::LastOwner | Self::Suspended => RefusalKind::Conflict,
            Self::MemberUnknown | Self::SuccessorUnfit => RefusalKind::Invalid,
        }
    }

    fn pointer(&self) -> Option<&'static str> {
        match self {
            Self::MemberUnknown => Some("/members"),
            Self::SuccessorUnfit => Some("/member_id"),
            _ => None,
        }
    }
}
