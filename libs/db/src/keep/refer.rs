//! A foreign key is content with a record in the trash, and with one that the writer may not read. This is not, and leaves
//! no moment between looking and writing.

use std::fmt::Write as _;

use serde_json::Value;
use uuid::Uuid;

use crate::{Error, Related, Resource, Result, Row, TenantTx, change::json};

/// What records refer to by one column, and how it is looked for.
struct Wanted {
    related: &'static Related,
    /// ` and …`: the condition that it may be read.
    readable: String,
    /// Newly referred to: it must not be in the trash either.
    new: Vec<Uuid>,
    /// Referred to before, and judged again.
    same: Vec<Uuid>,
}

impl Wanted {
    fn all<R: Resource>(tx: &TenantTx) -> Vec<Self> {
        let one = |related: &'static Related| {
            let readable = (related.reach)(&tx.reach).unwrap_or_else(|| " and false".to_owned());
            Self { related, readable, new: Vec::new(), same: Vec::new() }
        };
        R::RELATED.iter().map(one).collect()
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

/// Fails unless all that these records refer to, and did not before, is there, not in the trash, and readable by whoever
/// writes; holds it until the transaction ends. Whoever moves a record to the trash takes it `for update`, which waits for
/// this, and this for that. What they referred to before must be readable where a field is judged together with it.
pub(super) async fn refer<'r, R: Resource>(
    tx: &mut TenantTx,
    all: impl Iterator<Item = (Option<&'r R>, &'r R)>,
) -> Result<()> {
    if R::RELATED.is_empty() {
        return Ok(());
    }
    let mut wanted = Wanted::all::<R>(tx);
    for (before, after) in all {
        let (before, after) = (before.map_or(Value::Null, json), json(after));
        for one in &mut wanted {
            one.take(&before, &after);
        }
    }
    look_for::<R>(tx, wanted).await
}

/// Whether records of `R` may refer to what the person of this transaction does not read.
pub(super) fn may_miss<R: Resource>(tx: &TenantTx) -> bool {
    R::RELATED.iter().any(|related| (related.reach)(&tx.reach).is_none_or(|readable| !readable.is_empty()))
}

/// Fails unless whoever takes these records out of the trash may read what they refer to, be that in the trash or not.
pub(super) async fn refer_again<'r, R: Resource>(
    tx: &mut TenantTx,
    all: impl Iterator<Item = &'r R>,
) -> Result<()> {
    let mut wanted = Wanted::all::<R>(tx);
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

async fn look_for<R: Resource>(tx: &mut TenantTx, wanted: Vec<Wanted>) -> Result<()> {
    match missing(tx, wanted).await? {
        Some(related) => Err(unknown::<R>(related)),
        None => Ok(()),
    }
}

/// The first of them of which one is not there.
async fn missing(tx: &mut TenantTx, wanted: Vec<Wanted>) -> Result<Option<&'static Related>> {
    let (mut held, mut found) = (String::new(), String::new());
    let mut values = Row::default();
    values.put(tx.inside.account);
    let mut expected = Vec::new();
    for Wanted { related, readable, new, same } in wanted {
        for (ids, there) in [(new, " and related.deleted_at is null"), (same, "")] {
            let Some(count) = put_once(&mut values, ids) else { continue };
            let at = values.len();
            let (comma, union) = if expected.is_empty() { ("", "") } else { (", ", " union all ") };
            // To a String: nothing can fail.
            let _ = write!(
                held,
                "{comma}held_{at} as (select related.id from app.{} related
                 where related.account_id = $1 and related.id = any (${at}){there}{readable} order by related.id for key share)",
                related.plural
            );
            let _ = write!(found, "{union}select count(*) from held_{at}");
            expected.push((related, count));
        }
    }
    if expected.is_empty() {
        return Ok(None);
    }
    let mut statement = tx.built::<(i64,)>(format!("with {held} {found}"));
    statement.row = values;
    let counts = statement.all().await?;
    let mut both = expected.into_iter().zip(counts);
    Ok(both
        .find(|((_, wanted), (count,))| usize::try_from(*count) != Ok(*wanted))
        .map(|((related, _), _)| related))
}

/// Adds these, each once, to the values of a statement; how many they are, where there are some.
fn put_once(values: &mut Row, mut ids: Vec<Uuid>) -> Option<usize> {
    ids.sort_unstable();
    ids.dedup();
    let count = ids.len();
    (count > 0).then(|| values.put(ids)).map(|()| count)
}

/// As the foreign key would say it: nobody can tell whether it is in the trash, out of reach, another account's, or nowhere.
fn unknown<R: Resource>(related: &Related) -> Error {
    let refusal = R::constraint(&format!("fk_{}_{}", R::PLURAL, related.name));
    refusal.map_or(Error::NotFound(related.resource), Error::from)
}
