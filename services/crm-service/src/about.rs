//! Tables of what is about a record: purged together with it, since nothing else refers to them.

use db::{TenantCommand, TenantTx};
use kernel::Id;
use resource::{AboutTable, Resource};

/// Texts about a record.
pub(crate) const NOTES: AboutTable = AboutTable { resource: "note", table: "notes", event_prefix: "crm" };
/// Calls, meetings and messages about a record.
pub(crate) const ACTIVITIES: AboutTable =
    AboutTable { resource: "activity", table: "activities", event_prefix: "crm" };

const UNTAG: TenantCommand = TenantCommand::new(
    "delete from app.record_tags where account_id = $1 and subject_type = $2 and subject_id = $3",
);

/// Purges the notes, activities and tags of a purged record.
pub(crate) async fn purge<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> db::Result<()> {
    for table in [NOTES, ACTIVITIES] {
        resource::purge_about(tx, &table, R::NAME, id.into()).await?;
    }
    tx.execute_untracked::<()>(UNTAG).bind(R::NAME).bind(id).run().await?;
    Ok(())
}
