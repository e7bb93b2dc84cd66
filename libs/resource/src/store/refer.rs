//! Checks of references. A foreign key accepts a record in the trash, and one that the writer may not read; these
//! checks do not. They lock what they find, so that there is no race between check and write.

use std::fmt::Write as _;

use db::{Bindings, Error, Result, TenantTx};
use serde_json::Value;
use uuid::Uuid;

use super::json;
use crate::{Related, Resource};

/// Referenced ids of one relation, and the condition to check them with.
struct ReferenceCheck {
    related: &'static Related,
    /// SQL condition (` and …`) that the referenced record may be read.
    readable: String,
    /// New references: the record must not be in the trash either.
    new: Vec<Uuid>,
    /// Unchanged references that must be checked again.
    same: Vec<Uuid>,
}

impl ReferenceCheck {
    fn all<R: Resource>(tx: &TenantTx) -> Vec<Self> {
        let one = |related: &'static Related| {
            let readable = tx.scope().reading(&related.access).unwrap_or_else(|| " and false".to_owned());
            Self { related, readable, new: Vec::new(), same: Vec::new() }
        };
        R::RELATIONS.iter().map(one).collect()
    }

    fn take(&mut self, before: &Value, after: &Value) {
        let changes = |field: &str| before.get(field) != after.get(field);
        let Some(id) = id_in(after, self.related.column) else { return };
        if changes(self.related.column) {
            self.new.push(id);
        } else if !self.readable.is_empty() && self.related.judged.iter().any(|field| changes(field)) {
            self.same.push(id);
        }
    }
}

/// Fails unless every new reference of these records is live and readable by the writer. Locks the referenced
/// records `for key share`; moving one to the trash locks it `for update`, so either waits for the other.
/// Unchanged references must be readable if a field that is judged together with them changes.
pub(super) async fn check_references<'r, R: Resource>(
    tx: &mut TenantTx,
    all: impl Iterator<Item = (Option<&'r R>, &'r R)>,
) -> Result<()> {
    if R::RELATIONS.is_empty() {
        return Ok(());
    }
    let mut wanted = ReferenceCheck::all::<R>(tx);
    for (before, after) in all {
        let (before, after) = (before.map_or(Value::Null, json), json(after));
        for one in &mut wanted {
            one.take(&before, &after);
        }
    }
    look_for::<R>(tx, wanted).await
}

/// Whether records of `R` may refer to records that the transaction's user cannot read.
pub(super) fn may_miss<R: Resource>(tx: &TenantTx) -> bool {
    R::RELATIONS
        .iter()
        .any(|related| tx.scope().reading(&related.access).is_none_or(|readable| !readable.is_empty()))
}

/// Fails unless the user who restores these records may read what they refer to, in the trash or not.
pub(super) async fn recheck_references<'r, R: Resource>(
    tx: &mut TenantTx,
    all: impl Iterator<Item = &'r R>,
) -> Result<()> {
    let mut wanted = ReferenceCheck::all::<R>(tx);
    for record in all.map(json) {
        for one in wanted.iter_mut().filter(|one| !one.readable.is_empty()) {
            one.same.extend(id_in(&record, one.related.column));
        }
    }
    look_for::<R>(tx, wanted).await
}

fn id_in(record: &Value, column: &str) -> Option<Uuid> {
    record.get(column)?.as_str()?.parse().ok()
}

async fn look_for<R: Resource>(tx: &mut TenantTx, wanted: Vec<ReferenceCheck>) -> Result<()> {
    match missing(tx, wanted).await? {
        Some(related) => Err(unknown::<R>(related)),
        None => Ok(()),
    }
}

/// Returns the first relation of which a referenced record is missing.
async fn missing(tx: &mut TenantTx, wanted: Vec<ReferenceCheck>) -> Result<Option<&'static Related>> {
    let (mut held, mut found) = (String::new(), String::new());
    let mut values = tx.bindings();
    let mut expected = Vec::new();
    for ReferenceCheck { related, readable, new, same } in wanted {
        for (ids, there) in [(new, " and related.deleted_at is null"), (same, "")] {
            let Some(count) = put_once(&mut values, ids) else { continue };
            let at = values.len();
            let (comma, union) = if expected.is_empty() { ("", "") } else { (", ", " union all ") };
            // Writing to a String cannot fail.
            let _ = write!(
                held,
                "{comma}held_{at} as (select related.id from app.{} related
                 where related.account_id = $1 and related.id = any (${at}){there}{readable} order by related.id for key share)",
                related.access.table
            );
            let _ = write!(found, "{union}select count(*) from held_{at}");
            expected.push((related, count));
        }
    }
    if expected.is_empty() {
        return Ok(None);
    }
    let statement = tx.generated_with::<(i64,)>(format!("with {held} {found}"), values);
    let counts = statement.all().await?;
    let mut both = expected.into_iter().zip(counts);
    Ok(both
        .find(|((_, wanted), (count,))| usize::try_from(*count) != Ok(*wanted))
        .map(|((related, _), _)| related))
}

/// Binds the distinct ids as one parameter; returns their number, or `None` if there are none.
fn put_once(values: &mut Bindings, mut ids: Vec<Uuid>) -> Option<usize> {
    ids.sort_unstable();
    ids.dedup();
    let count = ids.len();
    (count > 0).then(|| values.bind(ids)).map(|()| count)
}

/// Error of an unknown reference, equal to a foreign key violation. It does not disclose whether the record is in
/// the trash, out of scope, of another account, or absent.
fn unknown<R: Resource>(related: &Related) -> Error {
    let refusal = R::constraint(&format!("fk_{}_{}", R::TABLE, related.name));
    refusal.map_or(Error::NotFound(related.access.name), Error::from)
}
