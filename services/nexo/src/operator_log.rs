//! Records operator commands that cannot lose data, and therefore need no confirmation.

use serde_json::Value;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

/// Records in `ops.operator_log` that `actor` performed `operation`, within the transaction of `conn`.
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
