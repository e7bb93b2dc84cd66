use db::{Refusal, Sort};

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthRefusal {
    /// Unknown, used, or too old; or the password is not the one that goes with it.
    #[error("the token of the letter is not good, or no longer; ask for another letter")]
    TokenInvalid,
    /// Unknown, wrong, suspended, or no member of that account: nobody can tell which.
    #[error("e-mail, password or account is wrong")]
    LoginFailed,
    /// Unknown, used, revoked, too old, or to somebody else: nobody can tell which.
    #[error("the invitation is not good, or no longer, or not for this address; ask for another one")]
    InvitationInvalid,
    /// They are known, and must show it.
    #[error("this address has signed up: log in, and accept the invitation then")]
    LogInFirst,
    /// No provider is connected for this e-mail or account, or none can be here.
    #[error("no identity provider is set up for this e-mail or account")]
    OidcNotConfigured,
    /// Whatever the provider, or we, have against it: nobody can tell which.
    #[error("the identity provider's answer does not let anybody in; start again")]
    OidcLoginFailed,
    /// Bound by some account, perhaps this one.
    #[error("this domain is connected to an identity provider already")]
    OidcDomainTaken,
    /// A domain of others.
    #[error("must be the domain of your own e-mail")]
    OidcDomainForeign,
    /// Anybody can have an address of it.
    #[error("is a domain of public mailboxes, which speaks for no company")]
    OidcDomainPublic,
    /// Whoever keeps an account's provider speaks for nobody elsewhere.
    #[error(
        "this session was opened at the identity provider of one account and is good there alone; log in with your password"
    )]
    ProviderSession,
    /// Unknown, wrong, revoked or too old, or its member is not let in: nobody can tell which.
    #[error("the API key is not good, or no longer")]
    ApiKeyInvalid,
    /// Somebody guesses. Holds the seconds to wait.
    #[error("too many attempts; try again in {0} seconds")]
    TooManyAttempts(u32),
    /// A quota of e-mails to strangers, or of sign-ups, is used up. Holds the seconds to wait.
    #[error(
        "too many e-mails or new accounts from you, your account or your address; try again in {0} seconds"
    )]
    TooManyEmails(u32),
    /// Somebody who has a token, and not the password.
    #[error("the current password is wrong")]
    PasswordWrong,
    /// Not ours, ended, or too old.
    #[error("the refresh token is not valid; log in again")]
    RefreshTokenInvalid,
    /// Shown again after its successor was used: one of the two who had it is a thief, so the session has ended.
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
            Self::PasswordWrong => "password-wrong",
            Self::RefreshTokenInvalid => "refresh-token-invalid",
            Self::RefreshTokenReused => "refresh-token-reused",
        }
    }

    fn sort(&self) -> Sort {
        match self {
            Self::LogInFirst | Self::OidcDomainTaken => Sort::Conflict,
            Self::PasswordWrong
            | Self::TokenInvalid
            | Self::InvitationInvalid
            | Self::OidcNotConfigured
            | Self::OidcDomainForeign
            | Self::OidcDomainPublic => Sort::Invalid,
            Self::ProviderSession => Sort::Forbidden,
            Self::TooManyAttempts(_) | Self::TooManyEmails(_) => Sort::TooMany,
            Self::LoginFailed
            | Self::OidcLoginFailed
            | Self::ApiKeyInvalid
            | Self::RefreshTokenInvalid
            | Self::RefreshTokenReused => Sort::Unauthenticated,
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
            Self::PasswordWrong => Some("/current_password"),
            _ => None,
        }
    }
}
