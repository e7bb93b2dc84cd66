//! Bulk writes in which single items may fail.

use db::{Result, TenantTx};

use super::BulkWrite;
use crate::{ResourceHandle, StoredRecord};

impl ResourceHandle {
    /// Writes all items in one statement; on a data error, bisects until the bad items are isolated. A good batch thus
    /// costs one statement. Returns one result per item; `Err` only if the database fails.
    pub async fn write_each<W: BulkWrite>(
        &self,
        tx: &mut TenantTx,
        items: &[W],
    ) -> Result<Vec<Result<StoredRecord>>> {
        W::lock_for_write(self, tx, items).await?; // first: rolling back to a savepoint releases locks, and halves run in another order
        let mut results = Vec::with_capacity(items.len());
        let mut waiting = Vec::from([items]);
        while let Some(part) = waiting.pop() {
            if part.is_empty() {
                continue;
            }
            match self.write_bisecting(tx, part).await? {
                Ok(written) => results.extend(written.into_iter().map(Ok)),
                Err(refused) if part.len() == 1 => results.push(Err(refused)),
                Err(_) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    waiting.extend([second, first]); // a stack: the first half is popped next
                }
            }
        }
        Ok(results)
    }

    /// Writes the whole part or nothing, in a savepoint. The inner error is a data error of an item.
    async fn write_bisecting<W: BulkWrite>(
        &self,
        tx: &mut TenantTx,
        part: &[W],
    ) -> Result<Result<Vec<StoredRecord>>> {
        let savepoint = tx.savepoint()?;
        match W::write_all(self, tx, part).await {
            Ok(written) => {
                tx.release(savepoint);
                Ok(Ok(written))
            }
            Err(refused) if refused.is_of_values() => {
                tx.rollback_to(savepoint);
                Ok(Err(refused))
            }
            Err(failed) => Err(failed),
        }
    }
}
