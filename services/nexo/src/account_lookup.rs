//! Look-up of an account that an operator names.

use anyhow::Context as _;
use sqlx::PgConnection;
use uuid::Uuid;

/// Finds an account by its slug or id; returns id and slug.
pub(crate) async fn find_account(conn: &mut PgConnection, named: &str) -> anyhow::Result<(Uuid, String)> {
    let found = sqlx::query_as(
        "select account_id, slug from app.account_directory where slug = $1 or account_id::text = $1",
    );
    let found = found.bind(named).fetch_optional(conn).await;
    let found = found.context("the accounts cannot be read: is the database migrated (`nexo db status`)?")?;
    found.with_context(|| format!("there is no account {named}: give its slug or its id"))
}
