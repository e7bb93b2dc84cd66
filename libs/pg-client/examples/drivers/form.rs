use crate::client::{Caller, Client, Server};

pub(crate) type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// A connection of one driver, and the way in which it sends a transaction.
pub(crate) trait Form: Sized + Send + 'static {
    async fn connect(server: &Server) -> Result<Self>;
    /// Sends SQL as it is.
    async fn send(&mut self, text: &str) -> Result<()>;
    fn get(&mut self, caller: &Caller) -> impl Future<Output = Result<Client>> + Send;
    fn list(&mut self, caller: &Caller) -> impl Future<Output = Result<Vec<Client>>> + Send;
    /// Creates a client without history, and commits when the row is known, as a write with history has to.
    fn create(&mut self, caller: &Caller) -> impl Future<Output = Result<Client>> + Send;
    /// Whether the driver has found that the connection must not be used again.
    fn must_close(&self) -> bool;
}

/// The one row of an answer.
pub(crate) fn only<T>(rows: Vec<T>) -> Result<T> {
    rows.into_iter().next().ok_or_else(|| "no row".into())
}
