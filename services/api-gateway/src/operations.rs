//! Operations that need no token, or no account.

use http::{HeaderValue, Method};

/// Public operations, which need no token. Each path accepts a single method.
const PUBLIC: &[(&str, Method)] = &[
    ("/api/v1/auth/register", Method::POST),
    ("/api/v1/auth/register/resend", Method::POST),
    ("/api/v1/auth/register/confirm", Method::POST),
    ("/api/v1/auth/login", Method::POST),
    ("/api/v1/auth/refresh", Method::POST),
    ("/api/v1/auth/logout", Method::POST), // needs a refresh token; the access token may have expired
    ("/api/v1/auth/token", Method::POST),
    ("/api/v1/auth/oidc/start", Method::POST),
    ("/api/v1/auth/oidc/finish", Method::POST),
    ("/api/v1/auth/password/reset", Method::POST),
    ("/api/v1/auth/password/reset/confirm", Method::POST),
    ("/api/v1/auth/email/confirm", Method::POST),
    ("/api/v1/auth/invitations/accept", Method::POST),
    ("/dev/mail", Method::GET),
    ("/.well-known/jwks.json", Method::GET),
];

/// Operations for a person without an account. The services also reject everything else.
const FOR_PERSONS: &[(&str, Method)] = &[
    ("/api/v1/auth/me", Method::GET),
    ("/api/v1/auth/invitations", Method::GET),
    ("/api/v1/invitations/accept", Method::POST),
    ("/api/v1/accounts", Method::GET),
    ("/api/v1/accounts", Method::POST),
];

/// Who may call an operation, as far as the gateway decides it.
pub(crate) enum Access {
    Public,
    /// Public, but not with this method; the value is the `Allow` header.
    MethodNotAllowed(HeaderValue),
    /// Every authenticated person, with or without an account.
    Person,
    /// Members and API keys of an account.
    Account,
}

impl Access {
    pub(crate) fn from_request(method: &Method, path: &str) -> Self {
        match PUBLIC.iter().find(|(public, _)| path == *public) {
            None if FOR_PERSONS.iter().any(|(known, taken)| path == *known && method == taken) => {
                Self::Person
            }
            None => Self::Account,
            Some((_, taken)) if method == taken => Self::Public,
            Some((_, Method::GET)) if method == Method::HEAD => Self::Public,
            Some((_, Method::GET)) => Self::MethodNotAllowed(HeaderValue::from_static("GET, HEAD")),
            Some(_) => Self::MethodNotAllowed(HeaderValue::from_static("POST")),
        }
    }
}
