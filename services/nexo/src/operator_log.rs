//! What an operator has done where nothing can be lost by it: nobody is asked, and it is noted.

use serde_json::Value;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

/// Notes in `ops.operator_log`, in the transaction that `conn` is in, that `actor` has done `operation`.
pub(crate) async fn note(
    conn: &mut PgConnection,
    actor: &str,
    operation: &str,
    card: Value,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into ops.operator_log (id, actor, operation, card, answer, outcome) values ($1, $2, $3, $4, 'confirmed', 'done')",
    )
    .bind(Uuid::now_v7())
    .bind(actor)
    .bind(operation)
    .bind(Json(card))
    .execute(conn)
    .await?;
    Ok(())
}
