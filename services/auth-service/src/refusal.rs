use db::{Refusal, RefusalKind};

/// Reasons to reject a request for authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthRefusal {
    /// The e-mailed token is unknown, used or expired, or the password does not belong to it.
    #[error("the link in the e-mail is invalid or has expired; request a new e-mail")]
    TokenInvalid,
    /// Unknown user, wrong password, suspended, or not a member of the account. The answer does not reveal which.
    #[error("e-mail, password or account is wrong")]
    LoginFailed,
    /// The invitation is unknown, used, revoked, expired, or for another address. The answer does not reveal which.
    #[error("the invitation is invalid, has expired, or is for another address; request a new one")]
    InvitationInvalid,
    /// The address belongs to a registered user, who must log in to prove it.
    #[error("this address has signed up: log in, and accept the invitation then")]
    LogInFirst,
    /// No provider is connected for this e-mail or account, or the deployment allows none.
    #[error("no identity provider is set up for this e-mail or account")]
    OidcNotConfigured,
    /// The provider's response was rejected. The answer does not reveal why.
    #[error("the identity provider's answer does not let anybody in; start again")]
    OidcLoginFailed,
    /// Some account, possibly this one, has already connected the domain.
    #[error("this domain is connected to an identity provider already")]
    OidcDomainTaken,
    /// The domain is not that of the caller's own e-mail.
    #[error("must be the domain of your own e-mail")]
    OidcDomainForeign,
    /// Public mailbox provider: anyone can register an address there.
    #[error("is a domain of public mailboxes, which speaks for no company")]
    OidcDomainPublic,
    /// A session opened at an account's provider is valid in that account only: its operator cannot vouch for a user
    /// elsewhere.
    #[error(
        "this session was opened at the identity provider of one account and is good there alone; log in with your password"
    )]
    ProviderSession,
    /// The key is unknown, wrong, revoked or expired, or its member is not active. The answer does not reveal which.
    #[error("the API key is invalid or has expired")]
    ApiKeyInvalid,
    /// Attempts are rate limited against guessing. Holds the seconds to wait.
    #[error("too many attempts; try again in {0} seconds")]
    TooManyAttempts(u32),
    /// A quota of e-mails to strangers, or of sign-ups, is used up. Holds the seconds to wait.
    #[error(
        "too many e-mails or new accounts from you, your account or your address; try again in {0} seconds"
    )]
    TooManyEmails(u32),
    /// The caller has a valid token, but not the password.
    #[error("the current password is wrong")]
    PasswordWrong(&'static str),
    /// The refresh token is unknown or expired, or its session has ended.
    #[error("the refresh token is not valid; log in again")]
    RefreshTokenInvalid,
    /// Reuse of a refresh token whose successor was used: one of its two holders is a thief, so the session was
    /// revoked.
    #[error("the refresh token was used before; the session has ended, log in again")]
    RefreshTokenReused,
}

impl Refusal for AuthRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::TokenInvalid => "token-invalid",
            Self::InvitationInvalid => "invitation-invalid",
            Self::LogInFirst => "login-required",
            Self::LoginFailed | Self::OidcLoginFailed => "login-failed",
            Self::OidcNotConfigured => "oidc-not-configured",
            Self::OidcDomainTaken => "oidc-domain-taken",
            Self::OidcDomainForeign => "oidc-domain-foreign",
            Self::OidcDomainPublic => "oidc-domain-public",
            Self::ProviderSession => "provider-session",
            Self::ApiKeyInvalid => "api-key-invalid",
            Self::TooManyAttempts(_) => "too-many-attempts",
            Self::TooManyEmails(_) => "too-many-emails",
            Self::PasswordWrong(_) => "password-wrong",
            Self::RefreshTokenInvalid => "refresh-token-invalid",
            Self::RefreshTokenReused => "refresh-token-reused",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::LogInFirst | Self::OidcDomainTaken => RefusalKind::Conflict,
            Self::PasswordWrong(_)
            | Self::TokenInvalid
            | Self::InvitationInvalid
            | Self::OidcNotConfigured
            | Self::OidcDomainForeign
            | Self::OidcDomainPublic => RefusalKind::Invalid,
            Self::ProviderSession => RefusalKind::Forbidden,
            Self::TooManyAttempts(_) | Self::TooManyEmails(_) => RefusalKind::TooMany,
            Self::LoginFailed
            | Self::OidcLoginFailed
            | Self::ApiKeyInvalid
            | Self::RefreshTokenInvalid
            | Self::RefreshTokenReused => RefusalKind::Unauthenticated,
        }
    }

    fn retry_after(&self) -> Option<u32> {
        match self {
            Self::TooManyAttempts(seconds) | Self::TooManyEmails(seconds) => Some(*seconds),
            _ => None,
        }
    }

    fn pointer(&self) -> Option<&'static str> {
        match self {
            Self::TokenInvalid | Self::InvitationInvalid => Some("/token"),
            Self::OidcDomainTaken | Self::OidcDomainForeign | Self::OidcDomainPublic => Some("/domain"),
            Self::PasswordWrong(pointer) => Some(pointer),
            _ => None,
        }
    }
}
