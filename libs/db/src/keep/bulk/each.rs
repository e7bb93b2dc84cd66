//! Writing many records of which some may not be written.

use super::Written;
use crate::{Record, Resource, Result, TenantTx};

/// Writes each of `items` that can be written, and tells of each what became of it. All are written at once; where that is
/// refused, each half alone, until those at fault stand alone: a good batch costs one statement, and one bad item among
/// many a few more. Fails when not an item is at fault but the database.
pub async fn write_each<R: Resource, W: Written<R>>(
    tx: &mut TenantTx,
    items: &[W],
) -> Result<Vec<Result<Record<R>>>> {
    W::hold(tx, items).await?; // a part that is undone lets go of what it took, and its halves come in another order
    let mut told = Vec::with_capacity(items.len());
    let mut waiting = Vec::from([items]);
    while let Some(part) = waiting.pop() {
        if part.is_empty() {
            continue;
        }
        match write_part(tx, part).await? {
            Ok(written) => told.extend(written.into_iter().map(Ok)),
            Err(refused) if part.len() == 1 => told.push(Err(refused)),
            Err(_) => {
                let (first, second) = part.split_at(part.len() / 2);
                waiting.extend([second, first]); // the last is taken next
            }
        }
    }
    Ok(told)
}

/// Writes all of it or nothing; the inner failure is that of an item.
async fn write_part<R: Resource, W: Written<R>>(
    tx: &mut TenantTx,
    part: &[W],
) -> Result<Result<Vec<Record<R>>>> {
    let savepoint = tx.begin_part().await?;
    match W::write_all(tx, part).await {
        Ok(written) => {
            tx.keep_part(savepoint).await?;
            Ok(Ok(written))
        }
        Err(refused) if refused.is_of_values() => {
            tx.undo_part(savepoint).await?;
            Ok(Err(refused))
        }
        Err(failed) => Err(failed),
    }
}
