use pg_client::ServerError;

use crate::{Refusal, RowError};

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
    /// Transactions of this account that scan texts have taken more time than the other accounts leave.
    #[error("the costly requests of this account have used up their time")]
    Overdrawn {
        /// Seconds until it may begin another one.
        seconds: u32,
    },
    /// The connection was lost while a change was being committed: it may have happened or not. Only a request with an
    /// idempotency key is safe to repeat.
    #[error("the database did not say whether it has committed")]
    OutcomeUnknown(#[source] SqlError),
    /// The database cannot be reached or timed out; a retry may succeed.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The transaction has a failed statement, so it cannot be committed.
    #[error("a refused statement cannot be committed")]
    TransactionAborted,
    /// Any other database error; must not be shown to clients.
    #[error("the database failed")]
    Sql(#[source] SqlError),
}

/// Reason why a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The connection failed, or the server reported an error.
    #[error(transparent)]
    Client(#[from] pg_client::Error),
    /// A parameter could not be encoded.
    #[error("a parameter: {0}")]
    Encode(String),
    /// A row could not be decoded.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The transaction has no connection any more.
    #[error("the transaction has ended")]
    Ended,
    /// Error of a connection outside of the pool.
    #[error(transparent)]
    Unpooled(sqlx::Error),
}

impl SqlError {
    /// SQLSTATE of the server's error.
    #[must_use]
    pub fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
        match self {
            Self::Unpooled(error) => error.as_database_error()?.code(),
            _ => self.server().map(|error| error.code.as_str().into()),
        }
    }

    /// Name of the violated constraint.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Unpooled(error) => error.as_database_error()?.constraint(),
            _ => self.server()?.constraint.as_deref(),
        }
    }

    /// Table that the server's error is about.
    #[must_use]
    pub fn table(&self) -> Option<&str> {
        match self {
            Self::Unpooled(error) => error.as_database_error()?.table(),
            _ => self.server()?.table.as_deref(),
        }
    }

    /// Error of the server on a connection of the pool.
    pub(crate) fn server(&self) -> Option<&ServerError> {
        match self {
            Self::Client(error) => error.server(),
            _ => None,
        }
    }

    /// Whether the connection failed: it cannot be used any more.
    pub(crate) fn is_of_connection(&self) -> bool {
        match self {
            Self::Client(error) => {
                error.server().is_none_or(|error| matches!(&*error.severity, "FATAL" | "PANIC"))
            }
            _ => false,
        }
    }

    /// Whether a retry of the request may succeed (PostgreSQL's appendix A, classes 08, 40, 53, 55, 57). A prepared
    /// statement whose result has changed with the schema is prepared again.
    fn is_passing(&self) -> bool {
        match self {
            Self::Unpooled(error) => passing(error),
            Self::Client(error) => match error.server() {
                Some(error) => is_passing(&error.code) || error.code == STALE_PLAN,
                None => true,
            },
            Self::Ended => true, // the connection was lost, and could not be replaced
            _ => false,
        }
    }
}

/// SQLSTATE of a session that has ended.
pub(crate) const ENDED: &str = "NX401";
/// SQLSTATE of a write in maintenance mode: the message is the reason, the detail the remaining seconds.
pub(crate) const MAINTENANCE: &str = "NX503";
/// SQLSTATE of a prepared statement whose result would differ from what it was when it was prepared.
pub(crate) const STALE_PLAN: &str = "0A000";

impl Error {
    /// Whether the error is caused by the values, not by the database, so that other values may succeed
    /// (PostgreSQL's appendix A, classes 22 and 23).
    #[must_use]
    pub fn is_of_values(&self) -> bool {
        match self {
            Self::NotFound(_) | Self::Stale(_) | Self::Refused(_) => true,
            Self::Sql(error) => {
                error.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
            }
            _ => false,
        }
    }

    /// Name of the violated constraint, if there is one.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        let Self::Sql(error) = self else { return None };
        error.constraint()
    }
}

impl<E: Refusal> From<E> for Error {
    fn from(refusal: E) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<SqlError> for Error {
    fn from(error: SqlError) -> Self {
        match error.server().map(|error| &*error.code) {
            Some(ENDED) => Self::SessionEnded,
            Some(MAINTENANCE) => maintenance(&error),
            _ if error.is_passing() => Self::Unavailable(Box::new(error)),
            _ => Self::Sql(error),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        SqlError::Unpooled(error).into()
    }
}

impl From<RowError> for Error {
    fn from(error: RowError) -> Self {
        Self::Sql(error.into())
    }
}

/// Maps the error of `app.refuse_write`: the message is the reason, the detail the remaining seconds.
fn maintenance(error: &SqlError) -> Error {
    let said = error.server();
    let seconds = said.and_then(|said| said.detail.as_deref()?.parse().ok()).unwrap_or(1);
    Error::Maintenance { reason: said.map(|said| said.message.clone()).unwrap_or_default(), seconds }
}

/// Whether a retry of the request may succeed (PostgreSQL's appendix A, classes 08, 40, 53, 55, 57).
pub(crate) fn passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed | sqlx::Error::Tls(_) => {
            true
        }
        sqlx::Error::Database(refused) => refused.code().is_some_and(|code| is_passing(&code)),
        _ => false,
    }
}

fn is_passing(code: &str) -> bool {
    ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class)) || code == "55P03"
}
