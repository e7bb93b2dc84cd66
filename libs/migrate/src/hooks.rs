use async_trait::async_trait;
use sqlx::postgres::PgConnectOptions;

use crate::Migration;

/// Error of a hook.
pub type HookError = Box<dyn std::error::Error + Send + Sync>;

/// A backup that a hook has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBackup {
    /// Exact command that restores it.
    pub restore: String,
}

/// Hooks around migrations of a non-empty database, such as backups.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Runs before the first statement. An error prevents the migrations. `None` if no backup was taken.
    async fn before(
        &self,
        database: &PgConnectOptions,
        pending: &[&Migration],
    ) -> Result<Option<TakenBackup>, HookError>;

    /// Runs after the last statement. An error prevents the service from starting; the migrations stay applied.
    async fn after(&self, database: &PgConnectOptions, applied: &[&Migration]) -> Result<(), HookError>;
}

/// Hooks that do nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoHooks;

#[async_trait]
impl Hooks for NoHooks {
    async fn before(&self, _: &PgConnectOptions, _: &[&Migration]) -> Result<Option<TakenBackup>, HookError> {
        Ok(None)
    }

    async fn after(&self, _: &PgConnectOptions, _: &[&Migration]) -> Result<(), HookError> {
        Ok(())
    }
}
