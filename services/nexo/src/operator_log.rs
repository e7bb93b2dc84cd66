//! `ops.operator_log`: every command that changes something, or reads the data of tenants, records itself here.

use std::pin::Pin;

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions, types::Json};
use uuid::Uuid;

use crate::output;

/// The log of one database, for commands whose work is more than one transaction.
pub(crate) struct OperatorLog {
    /// Database that keeps the log; after a restore, the one of this name that is live then.
    pub(crate) database: PgConnectOptions,
    /// Operating-system user who runs the command.
    pub(crate) actor: String,
}

/// Operating-system user who runs this command.
pub(crate) fn actor() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
    user.map_or_else(|| "unknown".to_owned(), |user| user.name)
}

/// A row of the log.
struct Entry<'e, C> {
    id: Uuid,
    actor: &'e str,
    operation: &'e str,
    card: &'e C,
    answer: &'static str,
    outcome: &'e str,
}

/// Records that `actor` performed `operation`, within the transaction of `conn`.
pub(crate) async fn note(
    conn: &mut PgConnection,
    actor: &str,
    operation: &str,
    card: Value,
) -> Result<(), sqlx::Error> {
    let (id, card) = (Uuid::now_v7(), &card);
    write(conn, &Entry { id, actor, operation, card, answer: "confirmed", outcome: "done" }).await
}

impl OperatorLog {
    /// Carries out the work of a command that shows no summary.
    pub(crate) fn record<T>(
        &self,
        operation: &str,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> Pin<Box<impl Future<Output = anyhow::Result<T>>>> {
        Box::pin(async move { self.record_card(operation, &json!({ "operation": operation }), work).await })
    }

    /// Carries out `work`, and records its begin and its outcome. A log that cannot be written does not prevent the
    /// work: an operator must be able to repair a broken, older or new database. Boxed, as the work is large.
    pub(crate) fn record_card<T>(
        &self,
        operation: &str,
        card: &impl Serialize,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> Pin<Box<impl Future<Output = anyhow::Result<T>>>> {
        Box::pin(async move {
            let (id, actor, answer) = (Uuid::now_v7(), &*self.actor, "confirmed");
            let begun = Entry { id, actor, operation, card, answer, outcome: "begun" };
            let _ = self.connect_and_write(&begun).await; // reported below, if it still cannot be written
            let done = work.await;
            let outcome = done
                .as_ref()
                .map_or_else(|failed| format!("failed: {}", output::causes(failed)), |_| "done".to_owned());
            let noted = self.connect_and_write(&Entry { outcome: &outcome, ..begun }).await;
            if let (Ok(_), Err(error)) = (&done, noted) {
                warn(&error);
            }
            done
        })
    }

    /// Records that the operator did not confirm.
    pub(crate) async fn record_refusal(&self, operation: &str, card: &impl Serialize) {
        let (id, actor, outcome) = (Uuid::now_v7(), &*self.actor, "nothing was done");
        let entry = Entry { id, actor, operation, card, answer: "refused", outcome };
        if let Err(error) = self.connect_and_write(&entry).await {
            warn(&error);
        }
    }

    async fn connect_and_write<C: Serialize>(&self, entry: &Entry<'_, C>) -> Result<(), sqlx::Error> {
        let mut conn = PgConnection::connect_with(&self.database).await?;
        write(&mut conn, entry).await?;
        conn.close().await
    }
}

async fn write<C: Serialize>(conn: &mut PgConnection, entry: &Entry<'_, C>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into ops.operator_log (id, actor, operation, card, answer, outcome) values ($1, $2, $3, $4, $5, $6)
             on conflict (id) do update set outcome = excluded.outcome",
    )
    .bind(entry.id)
    .bind(entry.actor)
    .bind(entry.operation)
    .bind(Json(serde_json::to_value(entry.card).unwrap_or_default()))
    .bind(entry.answer)
    .bind(entry.outcome)
    .execute(conn)
    .await?;
    Ok(())
}

/// A database without the table is not yet migrated, and has nothing to record.
fn warn(error: &sqlx::Error) {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    if !matches!(code.as_deref(), Some("42P01")) {
        tracing::warn!(error = error as &dyn std::error::Error, "not noted in ops.operator_log");
    }
}
