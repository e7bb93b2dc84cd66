//! The end of a record: out of the trash, and out of history but for the fact.

use kernel::Id;
use uuid::Uuid;

use super::{explain, find, names};
use crate::{Change, Error, Record, Refusal, Resource, Result, ScopedWrite, TenantTx, record::KEPT};

const FORGET: ScopedWrite = ScopedWrite::new(
    "update app.audit_log set before = null, after = null
     where account_id = $1 and resource = $2 and record_id = any ($3) and (before is not null or after is not null)",
);
/// Whoever sends such a request again learns that it was done, and no more.
const FORGET_ANSWERS: ScopedWrite = ScopedWrite::new(
    "update app.idempotency_keys k set body = ''
     where k.account_id = $1 and exists (select from unnest($2::uuid[]) as gone (id)
                                         where position(convert_to(gone.id::text, 'UTF8') in k.body) > 0)",
);

/// Other records refer to the one that was to be purged; those in the trash count.
#[derive(Debug, thiserror::Error)]
#[error("{0} still refer to it, perhaps from the trash: change or purge those first")]
struct StillReferredTo(String);

impl Refusal for StillReferredTo {
    fn code(&self) -> &'static str {
        "still-referenced"
    }
}

/// A record that is to be restored was not removed, or was restored before.
#[derive(Debug, thiserror::Error)]
#[error("the {0} is not in the trash: there is nothing to restore")]
struct NotInTrash(&'static str);

impl Refusal for NotInTrash {
    fn code(&self) -> &'static str {
        "not-in-trash"
    }
}

/// A record in the trash, held until the transaction ends.
pub async fn find_in_trash<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Result<Record<R>> {
    let text = format!(
        "select {KEPT}, {} from app.{} where account_id = $1 and id = $2 and deleted_at is not null{} for update",
        names::<R>(),
        R::PLURAL,
        tx.reach.condition::<R>()
    );
    tx.built(text).bind(id).optional().await?.ok_or(Error::NotFound(R::NAME))
}

/// The same, for somebody who wants it back: one that is not in the trash is [refused](NotInTrash), as it is there.
pub async fn find_to_restore<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Result<Record<R>> {
    match find_in_trash(tx, id).await {
        Err(Error::NotFound(_)) => Err(not_in_trash(tx, id).await),
        found => found,
    }
}

/// Why a record is not in the trash: it is not removed, or it is nowhere.
pub(super) async fn not_in_trash<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Error {
    match find(tx, id).await {
        Ok(_) => NotInTrash(R::NAME).into(),
        Err(error) => error,
    }
}

/// Removes a record for good, with what is merely beside it. Of its history stays what was done when, and by whom.
pub async fn purge<R: Resource>(tx: &mut TenantTx, gone: &Record<R>) -> Result<()> {
    R::take_along(tx, gone.id).await?;
    let text = format!(
        "delete from app.{} where account_id = $1 and id = $2 and version = $3 and deleted_at is not null returning id, version",
        R::PLURAL
    );
    let deleted = tx.built(text).bind(gone.id).bind(gone.kept.version).all().await.map_err(referred::<R>)?;
    if deleted.is_empty() {
        return Err(Error::Stale(R::NAME));
    }
    forget::<R>(tx, &deleted).await
}

/// Removes for good every record of `R`, in the trash or not, that is about this one.
pub async fn purge_about<R: Resource>(tx: &mut TenantTx, subject_type: &str, subject: Uuid) -> Result<()> {
    let text = format!(
        "delete from app.{} where account_id = $1 and subject_type = $2 and subject_id = $3 returning id, version",
        R::PLURAL
    );
    let deleted = tx.built(text).bind(subject_type).bind(subject).all().await.map_err(referred::<R>)?;
    if deleted.is_empty() { Ok(()) } else { forget::<R>(tx, &deleted).await }
}

/// Empties what was noted about these, and notes that they were purged.
async fn forget<R: Resource>(tx: &mut TenantTx, deleted: &[(Uuid, i64)]) -> Result<()> {
    let ids: Vec<Uuid> = deleted.iter().map(|(id, _)| *id).collect();
    tx.write_unnoted::<()>(FORGET).bind(R::NAME).bind(&ids).run().await?;
    tx.write_unnoted::<()>(FORGET_ANSWERS).bind(&ids).run().await?;
    let topic = format!("{}.{}.purged", R::AREA, R::NAME);
    for (id, version) in deleted {
        tx.note(Change::new(&topic, R::NAME, *id, "purged").at(version + 1));
    }
    Ok(())
}

/// The table that a foreign key names is the one that refers.
fn referred<R: Resource>(error: sqlx::Error) -> Error {
    let refused = error.as_database_error().filter(|refused| refused.is_foreign_key_violation());
    match refused.and_then(|refused| refused.table()) {
        Some(table) => StillReferredTo(table.replace('_', " ")).into(),
        None => explain::<R>(error),
    }
}
