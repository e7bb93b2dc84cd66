//! Tests of down files: up, down and up again must restore the catalogue each time.

use super::ScratchDatabase;
use crate::{
    Error, Migration,
    catalogue::{self, CatalogObject, compare},
};

const BACK: &str = "it does not give back the catalogue of before its migration";
const AGAIN: &str = "its migration gives another catalogue when it is applied after it";

impl ScratchDatabase {
    /// Current catalogue of the scratch database.
    pub async fn catalogue(&mut self) -> Result<Vec<CatalogObject>, Error> {
        Ok(catalogue::snapshot(self.connection()).await?)
    }

    /// Reverts `migration`, which ran last, and applies it again. `before` is the catalogue before it first ran.
    /// Does nothing for a migration without a down file.
    pub async fn back_and_again(
        &mut self,
        migration: &Migration,
        before: &[CatalogObject],
    ) -> Result<(), Error> {
        let Some(down) = &migration.down else { return Ok(()) };
        let after = self.catalogue().await?;
        self.perform(&migration.version, down).await?;
        let back = self.catalogue().await?;
        let performed = self.perform(&migration.version, &migration.up).await; // also for the files after it
        same(migration, BACK, before, &back)?;
        performed?;
        let again = self.catalogue().await?;
        same(migration, AGAIN, &after, &again)
    }

    /// Reverts `migration`, which ran last.
    pub(crate) async fn take_back(
        &mut self,
        migration: &Migration,
        before: &[CatalogObject],
    ) -> Result<(), Error> {
        let Some(down) = &migration.down else { return Ok(()) };
        self.perform(&migration.version, down).await?;
        let back = self.catalogue().await?;
        same(migration, BACK, before, &back)
    }

    /// Applies migrations one after another. Returns the catalogue before each of them.
    pub(crate) async fn perform_all(
        &mut self,
        migrations: &[&Migration],
    ) -> Result<Vec<Vec<CatalogObject>>, Error> {
        let mut before = Vec::new();
        for migration in migrations {
            before.push(self.catalogue().await?);
            self.perform(&migration.version, &migration.up).await?;
        }
        Ok(before)
    }
}

fn same(
    migration: &Migration,
    problem: &'static str,
    wanted: &[CatalogObject],
    found: &[CatalogObject],
) -> Result<(), Error> {
    let differences = compare(wanted, found);
    if differences.is_empty() {
        return Ok(());
    }
    let file = migration.down.as_ref().map_or_else(String::new, |down| down.file.clone());
    Err(Error::NotReversed { file, problem, differences })
}
