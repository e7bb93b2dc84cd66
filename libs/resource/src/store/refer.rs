//! Checks of references. A foreign key accepts a record in the trash, and one that the writer may not read; these
//! checks do not. They lock what they find, so that there is no race between check and write.

use std::fmt::Write as _;

use db::{Bindings, Error, Result, TenantTx};
use serde_json::Value;
use uuid::Uuid;

use crate::{Related, ResourceHandle, Schema, StoredRecord, Values};

/// Referenced ids of one relation, and the condition to check them with.
struct ReferenceCheck {
    related: Related,
    /// SQL condition (` and …`) that the referenced record may be read.
    readable: String,
    /// New references: the record must not be in the trash either.
    new: Vec<Uuid>,
    /// Unchanged references that must be checked again.
    same: Vec<Uuid>,
}

impl ReferenceCheck {
    fn all(schema: &Schema, tx: &TenantTx) -> Vec<Self> {
        let one = |related: &Related| {
            let readable = tx.scope().reading(&related.access).unwrap_or_else(|| " and false".to_owned());
            Self { related: *related, readable, new: Vec::new(), same: Vec::new() }
        };
        schema.relations.iter().map(one).collect()
    }

    fn take(&mut self, before: Option<&StoredRecord>, after: &Values) -> Result<()> {
        let after = after.json()?;
        let changes = |field: &str| -> Result<bool> {
            let before = before.map_or(Ok(Value::Null), |before| before.member(field))?;
            Ok(&before != after.get(field).unwrap_or(&Value::Null))
        };
        let id = after.get(self.related.column).and_then(Value::as_str);
        let Some(id) = id.and_then(|id| id.parse().ok()) else { return Ok(()) };
        if changes(self.related.column)? {
            self.new.push(id);
        } else if !self.readable.is_empty() {
            for field in self.related.judged {
                if changes(field)? {
                    self.same.push(id);
                    break;
                }
            }
        }
        Ok(())
    }
}

impl ResourceHandle {
    /// Fails unless every new reference of these records is live and readable by the writer. Locks the referenced
    /// records `for key share`; moving one to the trash locks it `for update`, so either waits for the other.
    /// Unchanged references must be readable if a field that is judged together with them changes.
    pub(super) async fn check_references<'r>(
        &self,
        tx: &mut TenantTx,
        all: impl Iterator<Item = (Option<&'r StoredRecord>, &'r Values)>,
    ) -> Result<()> {
        if self.schema().relations.is_empty() {
            return Ok(());
        }
        let mut wanted = ReferenceCheck::all(self.schema(), tx);
        for (before, after) in all {
            for one in &mut wanted {
                one.take(before, after)?;
            }
        }
        self.look_for(tx, wanted).await
    }

    /// Whether the records may refer to records that the transaction's user cannot read.
    pub(super) fn may_miss(&self, tx: &TenantTx) -> bool {
        let is_limited = |related: &Related| {
            tx.scope().reading(&related.access).is_none_or(|readable| !readable.is_empty())
        };
        self.schema().relations.iter().any(is_limited)
    }

    /// Fails unless the user who restores these records may read what they refer to, in the trash or not.
    pub(super) async fn recheck_references<'r>(
        &self,
        tx: &mut TenantTx,
        all: impl Iterator<Item = &'r StoredRecord>,
    ) -> Result<()> {
        let mut wanted = ReferenceCheck::all(self.schema(), tx);
        for record in all {
            for one in wanted.iter_mut().filter(|one| !one.readable.is_empty()) {
                one.same.extend(record.id_in(one.related.column));
            }
        }
        self.look_for(tx, wanted).await
    }

    async fn look_for(&self, tx: &mut TenantTx, wanted: Vec<ReferenceCheck>) -> Result<()> {
        match missing(tx, wanted).await? {
            Some(related) => Err(self.unknown(&related)),
            None => Ok(()),
        }
    }

    /// Error of an unknown reference, equal to a foreign key violation. It does not disclose whether the record is in
    /// the trash, out of scope, of another account, or absent.
    fn unknown(&self, related: &Related) -> Error {
        let constraint = format!("fk_{}_{}", self.schema().table(), related.name);
        self.rules.constraint(&constraint).unwrap_or(Error::NotFound(related.access.name))
    }
}

/// Returns the first relation of which a referenced record is missing.
async fn missing(tx: &mut TenantTx, wanted: Vec<ReferenceCheck>) -> Result<Option<Related>> {
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
