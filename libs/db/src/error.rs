use crate::Refusal;

/// What the database answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the database could not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such row, or none that this account may see: nobody can tell which.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The session has ended, or its person's rights are others than the token says.
    #[error("the session has ended")]
    Ended,
    /// Nobody writes at this moment: an operator has said so.
    #[error("{reason}")]
    Maintenance {
        /// What people are told.
        reason: String,
        /// How many seconds are left of it.
        seconds: u32,
    },
    /// Somebody else changed the record since it was read. Holds the record as it is now.
    #[error("the {0} has changed meanwhile")]
    Stale(&'static str),
    /// A rule of the resource said no.
    #[error("{0}")]
    Refused(Box<dyn Refusal>),
    /// A list was asked for in a way that it cannot answer.
    #[error("{parameter}: {problem}")]
    Unanswerable {
        /// The parameter of the query.
        parameter: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The same idempotency key came with another request.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// The same idempotency key came while its first request still runs.
    #[error("a request with this Idempotency-Key is still running")]
    InFlight,
    /// The account uses as many connections as one may, and none of them came free.
    #[error("too many requests of this account are running at once")]
    Crowded,
    /// The database cannot be reached, or takes too long; it may be well again in a moment.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A statement of this transaction was refused, and somebody wanted to commit what is left of it.
    #[error("a refused statement cannot be committed")]
    Aborted,
    /// Anything else; nobody outside should read it.
    #[error("the database failed")]
    Sql(#[source] sqlx::Error),
}

impl Error {
    /// Whether it is the fault of what was to be written, and not of the database: other values may well be taken
    /// (PostgreSQL's appendix A, classes 22 and 23).
    pub(crate) fn is_of_values(&self) -> bool {
        match self {
            Self::NotFound(_) | Self::Stale(_) | Self::Refused(_) => true,
            Self::Sql(error) => error
                .as_database_error()
                .and_then(sqlx::error::DatabaseError::code)
                .is_some_and(|code| code.starts_with("22") || code.starts_with("23")),
            _ => false,
        }
    }

    /// The constraint that refused a write, if one did.
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

/// Whether the same request may well succeed in a moment (PostgreSQL's appendix A, classes 08, 40, 53, 55, 57).
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
