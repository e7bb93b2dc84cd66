//! Purge: deletes records for good, and erases their data from the audit log.

use db::{Change, Error, Refusal, Result, SqlError, TenantCommand, TenantTx};
use uuid::Uuid;

use crate::{ResourceHandle, StoredRecord};

const FORGET: TenantCommand = TenantCommand::new(
    "update app.audit_log set before = null, after = null
     where account_id = $1 and resource = $2 and record_id = any ($3) and (before is not null or after is not null)",
);
/// Erases stored idempotent responses that mention the records. A retry then learns that the request was executed,
/// and nothing else.
const FORGET_ANSWERS: TenantCommand = TenantCommand::new(
    "update app.idempotency_keys k set body = ''
     where k.account_id = $1 and exists (select from unnest($2::uuid[]) as gone (id)
                                         where position(convert_to(gone.id::text, 'UTF8') in k.body) > 0)",
);

/// Other records, possibly in the trash, still refer to the record to purge.
#[derive(Debug, thiserror::Error)]
#[error("{0} still refer to it, perhaps from the trash: change or purge those first")]
struct StillReferenced(String);

impl Refusal for StillReferenced {
    fn code(&self) -> &'static str {
        "still-referenced"
    }
}

/// The record to restore is not in the trash: it was never removed, or was restored already.
#[derive(Debug, thiserror::Error)]
#[error("the {0} is not in the trash: there is nothing to restore")]
struct NotInTrash(&'static str);

impl Refusal for NotInTrash {
    fn code(&self) -> &'static str {
        "not-in-trash"
    }
}

impl ResourceHandle {
    /// Finds a record in the trash and locks it until the transaction ends.
    pub async fn find_in_trash(&self, tx: &mut TenantTx, id: Uuid) -> Result<StoredRecord> {
        let schema = self.schema();
        let text = format!(
            "select {} from app.{} where account_id = $1 and id = $2 and deleted_at is not null{} for update",
            schema.columns,
            schema.table(),
            tx.scope().condition(&schema.access)
        );
        tx.generated(text).bind(id).optional().await?.ok_or_else(|| self.not_found())
    }

    /// Finds and locks a record in the trash, to restore it. A live record fails with `NotInTrash`.
    pub async fn find_to_restore(&self, tx: &mut TenantTx, id: Uuid) -> Result<StoredRecord> {
        match self.find_in_trash(tx, id).await {
            Err(Error::NotFound(_)) => Err(self.not_in_trash(tx, id).await),
            found => found,
        }
    }

    /// Returns the reason why a record is not in the trash: it is live, or it does not exist.
    pub(super) async fn not_in_trash(&self, tx: &mut TenantTx, id: Uuid) -> Error {
        match self.find(tx, id).await {
            Ok(_) => NotInTrash(self.schema().name()).into(),
            Err(error) => error,
        }
    }

    /// Deletes a record and its dependents for good. The audit log keeps action, time and user only.
    pub async fn purge(&self, tx: &mut TenantTx, gone: &StoredRecord) -> Result<()> {
        self.rules.purge_dependents(tx, gone.id).await?;
        let schema = self.schema();
        let text = format!(
            "delete from app.{} where account_id = $1 and id = $2 and version = $3 and deleted_at is not null returning id, version",
            schema.table()
        );
        let deleted = tx.generated(text).bind(gone.id).bind(gone.version).all().await;
        let deleted =
            deleted.map_err(|error| still_referenced(&error).unwrap_or_else(|| self.explain(error)))?;
        if deleted.is_empty() {
            return Err(self.stale());
        }
        erase_history(tx, schema.name(), schema.event_prefix, &deleted).await
    }
}

/// A table of records that are about others, by `subject_type` and `subject_id`.
#[derive(Debug, Clone, Copy)]
pub struct AboutTable {
    /// Name of its resource in permissions, events and messages.
    pub resource: &'static str,
    /// Name of the table in schema `app`.
    pub table: &'static str,
    /// First part of its event topics.
    pub event_prefix: &'static str,
}

/// Deletes all records of `about`, in the trash or not, that are about this subject.
pub async fn purge_about(
    tx: &mut TenantTx,
    about: &AboutTable,
    subject_type: &str,
    subject: Uuid,
) -> Result<()> {
    let AboutTable { resource, table, event_prefix } = about;
    let text = format!(
        "delete from app.{table} where account_id = $1 and subject_type = $2 and subject_id = $3 returning id, version"
    );
    let deleted = tx.generated(text).bind(subject_type).bind(subject).all().await;
    let deleted = deleted.map_err(|error| still_referenced(&error).unwrap_or_else(|| error.into()))?;
    if deleted.is_empty() { Ok(()) } else { erase_history(tx, resource, event_prefix, &deleted).await }
}

/// Erases the audited values of these records, and audits the purge.
async fn erase_history(
    tx: &mut TenantTx,
    resource: &'static str,
    event_prefix: &str,
    deleted: &[(Uuid, i64)],
) -> Result<()> {
    let ids: Vec<Uuid> = deleted.iter().map(|(id, _)| *id).collect();
    tx.execute_untracked::<()>(FORGET).bind(resource).bind(&ids).run().await?;
    tx.execute_untracked::<()>(FORGET_ANSWERS).bind(&ids).run().await?;
    let topic = format!("{event_prefix}.{resource}.purged");
    for (id, version) in deleted {
        tx.audit(Change::new(&topic, resource, *id, "purged").at(version + 1));
    }
    Ok(())
}

/// SQLSTATE of a foreign key violation.
const FOREIGN_KEY_VIOLATION: &str = "23503";

/// [`StillReferenced`] for a foreign key violation, which names the referring table.
fn still_referenced(error: &SqlError) -> Option<Error> {
    let is_foreign_key = error.code().is_some_and(|code| code == FOREIGN_KEY_VIOLATION);
    error.table().filter(|_| is_foreign_key).map(|table| StillReferenced(table.replace('_', " ")).into())
}
