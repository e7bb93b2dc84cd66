/// First path segments under `/api/v1/` that the auth-service serves; the crm-service serves all others.
const AUTH: &[&str] = &[
    "account",
    "accounts",
    "api-keys",
    "auth",
    "invitations",
    "members",
    "oidc-connections",
    "permissions",
    "roles",
    "security-events",
    "service-accounts",
    "teams",
];

/// An upstream service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Auth,
    Crm,
}

impl Service {
    pub(crate) const ALL: [Self; 2] = [Self::Auth, Self::Crm];

    /// Service that serves this path.
    pub(crate) fn from_path(path: &str) -> Self {
        let of_auth = |rest: &str| AUTH.contains(&rest.split('/').next().unwrap_or_default());
        if path.starts_with("/.well-known/")
            || path == "/dev/mail"
            || path.strip_prefix("/api/v1/").is_some_and(of_auth)
        {
            Self::Auth
        } else {
            Self::Crm
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth-service",
            Self::Crm => "crm-service",
        }
    }
}
