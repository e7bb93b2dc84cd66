use std::fmt;

/// Reason why a connection failed, or a batch was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection cannot be opened, or was lost.
    #[error("the connection to PostgreSQL is lost")]
    Io(#[from] std::io::Error),
    /// TLS cannot be negotiated.
    #[error("TLS with PostgreSQL: {0}")]
    Tls(Box<dyn std::error::Error + Send + Sync>),
    /// The server sent a message that does not belong there, or the client cannot authenticate.
    #[error("the protocol with PostgreSQL: {0}")]
    Protocol(&'static str),
    /// The server reported an error.
    #[error(transparent)]
    Server(#[from] Box<ServerError>),
}

impl Error {
    /// The error of the server, if there is one.
    #[must_use]
    pub fn server(&self) -> Option<&ServerError> {
        match self {
            Self::Server(error) => Some(error),
            _ => None,
        }
    }
}

/// Fields of an `ErrorResponse` (PostgreSQL manual, 55.8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerError {
    /// Severity, not localized: `ERROR`, `FATAL` or `PANIC`; of a notice `WARNING` and less.
    pub severity: String,
    /// SQLSTATE (PostgreSQL manual, appendix A).
    pub code: String,
    /// Message of the error.
    pub message: String,
    /// Secondary message.
    pub detail: Option<String>,
    /// Suggestion of the server.
    pub hint: Option<String>,
    /// Name of the violated constraint.
    pub constraint: Option<String>,
    /// Table that the error is about.
    pub table: Option<String>,
    /// Functions that were running.
    pub context: Option<String>,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for ServerError {}
