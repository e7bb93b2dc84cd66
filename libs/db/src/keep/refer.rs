//! A foreign key is content with a record in the trash. This is not, and leaves no moment between looking and writing.

use std::fmt::Write as _;

use serde_json::Value;
use uuid::Uuid;

use crate::{Error, Related, Resource, Result, Row, TenantTx, change::json};

/// Fails unless all that these records refer to, and did not before, is there and not in the trash; holds it until the
/// transaction ends. Whoever moves a record to the trash takes it `for update`, which waits for this, and this for that.
pub(super) async fn refer<'r, R: Resource>(
    tx: &mut TenantTx,
    all: impl Iterator<Item = (Option<&'r R>, &'r R)>,
) -> Result<()> {
    if R::RELATED.is_empty() {
        return Ok(());
    }
    let mut wanted: Vec<(&Related, Vec<Uuid>)> = R::RELATED.iter().map(|related| (related, vec![])).collect();
    for (before, after) in all {
        let (before, after) = (before.map_or(Value::Null, json), json(after));
        for (related, ids) in &mut wanted {
            ids.extend(new_id(&before, &after, related.column));
        }
    }
    wanted.retain(|(_, ids)| !ids.is_empty());
    if wanted.is_empty() {
        return Ok(());
    }
    let missing = missing(tx, &mut wanted).await?;
    missing.map_or(Ok(()), |related| Err(unknown::<R>(related)))
}

fn new_id(before: &Value, after: &Value, column: &str) -> Option<Uuid> {
    let id = after.get(column).filter(|id| before.get(column) != Some(id))?;
    id.as_str()?.parse().ok()
}

/// The first of them of which one is not there.
async fn missing<'w>(
    tx: &mut TenantTx,
    wanted: &mut [(&'w Related, Vec<Uuid>)],
) -> Result<Option<&'w Related>> {
    let (mut held, mut found) = (String::new(), String::new());
    let mut values = Row::default();
    values.put(tx.inside.account);
    for (at, (related, ids)) in wanted.iter_mut().enumerate() {
        ids.sort_unstable();
        ids.dedup();
        values.put(ids.clone());
        let (comma, union) = if at == 0 { ("", "") } else { (", ", " union all ") };
        // To a String: nothing can fail.
        let _ = write!(
            held,
            "{comma}held_{at} as (select id from app.{} where account_id = $1 and id = any (${}) and deleted_at is null
             order by id for key share)",
            related.plural,
            at + 2
        );
        let _ = write!(found, "{union}select count(*) from held_{at}");
    }
    let mut statement = tx.built::<(i64,)>(format!("with {held} {found}"));
    statement.row = values;
    let counts = statement.all().await?;
    let enough = |ids: &[Uuid], count: i64| usize::try_from(count) == Ok(ids.len());
    let mut both = wanted.iter().zip(counts);
    Ok(both.find(|((_, ids), (count,))| !enough(ids, *count)).map(|((related, _), _)| *related))
}

/// As the foreign key would say it: nobody can tell whether it is in the trash, another account's, or nowhere.
fn unknown<R: Resource>(related: &Related) -> Error {
    let refusal = R::constraint(&format!("fk_{}_{}", R::PLURAL, related.name));
    refusal.map_or(Error::NotFound(related.resource), Error::from)
}
