use async_trait::async_trait;
use sqlx::postgres::PgConnectOptions;

use crate::Migration;

/// Why a hook says no.
pub type HookError = Box<dyn std::error::Error + Send + Sync>;

/// A backup that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The exact command that brings the database back to it.
    pub restore: String,
}

/// What happens around migrations of a database that holds something: a backup before, a backup after.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Before the first statement. An error keeps the migrations from being applied. `None`: no backup was taken.
    async fn before(
        &self,
        database: &PgConnectOptions,
        pending: &[&Migration],
    ) -> Result<Option<Taken>, HookError>;

    /// After the last statement. An error keeps the service from serving; the migrations stay.
    async fn after(&self, database: &PgConnectOptions, applied: &[&Migration]) -> Result<(), HookError>;
}

/// Nothing happens around them.
#[derive(Debug, Clone, Copy)]
pub struct NoHooks;

#[async_trait]
impl Hooks for NoHooks {
    async fn before(&self, _: &PgConnectOptions, _: &[&Migration]) -> Result<Option<Taken>, HookError> {
        Ok(None)
    }

    async fn after(&self, _: &PgConnectOptions, _: &[&Migration]) -> Result<(), HookError> {
        Ok(())
    }
}
