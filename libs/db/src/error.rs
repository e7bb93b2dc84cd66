use crate::Refusal;

/// Result of a database operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Reason why a database operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The row does not exist, or the caller may not see it; the two are indistinguishable on purpose.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The session has ended, or the user's permissions differ from those in the token.
    #[error("the session has ended")]
    SessionEnded,
    /// Writes are suspended: an operator has enabled maintenance mode.
    #[error("{reason}")]
    Maintenance {
        /// Explanation for users, set by the operator.
        reason: String,
        /// Remaining time of the maintenance in seconds.
        seconds: u32,
    },
    /// The record was changed since it was read (lost update prevented). Holds the resource's name.
    #[error("the {0} has changed meanwhile")]
    Stale(&'static str),
    /// A rule of the resource refused the operation.
    #[error("{0}")]
    Refused(Box<dyn Refusal>),
    /// A parameter of a list request is invalid.
    #[error("{parameter}: {problem}")]
    InvalidParameter {
        /// Name of the query parameter.
        parameter: &'static str,
        /// Description of what is wrong with its value.
        problem: String,
    },
    /// The idempotency key was used for a different request before.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// The first request with this idempotency key is still running.
    #[error("a request with this Idempotency-Key is still running")]
    InFlight,
    /// The account holds its whole share of connections, and none became free in time.
    #[error("too many requests of this account are running at once")]
    Crowded,
    /// The database cannot be reached or timed out; a retry may succeed.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The transaction has a failed statement, so it cannot be committed.
    #[error("a refused statement cannot be committed")]
    TransactionAborted,
    /// Any other database error; must not be shown to clients.
    #[error("the database failed")]
    Sql(#[source] sqlx::Error),
}

impl Error {
    /// Whether the error is caused by the values, not by the database, so that other values may succeed
    /// (PostgreSQL's appendix A, classes 22 and 23).
    #[must_use]
    pub fn is_of_values(&self) -> bool {
        match self {
            Self::NotFound(_) | Self::Stale(_) | Self::Refused(_) => true,
            Self::Sql(error) => error
                .as_database_error()
                .and_then(sqlx::error::DatabaseError::code)
                .is_some_and(|code| code.starts_with("22") || code.starts_with("23")),
            _ => false,
        }
    }

    /// Name of the violated constraint, if there is one.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        let Self::Sql(error) = self else { return None };
        error.as_database_error()?.constraint()
    }
}

impl<E: Refusal> From<E> for Error {
    fn from(refusal: E) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if passing(&error) { Self::Unavailable(Box::new(error)) } else { Self::Sql(error) }
    }
}

/// Whether a retry of the request may succeed (PostgreSQL's appendix A, classes 08, 40, 53, 55, 57).
pub(crate) fn passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed | sqlx::Error::Tls(_) => {
            true
        }
        sqlx::Error::Database(refused) => refused.code().is_some_and(|code| {
            ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class)) || code == "55P03"
        }),
        _ => false,
    }
}
