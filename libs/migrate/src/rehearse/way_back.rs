//! Down files are tried: there, back, and there again, and the catalogue must be what it was.

use super::Stage;
use crate::{
    Error, Migration,
    catalogue::{self, Thing, compare},
};

const BACK: &str = "it does not give back the catalogue of before its migration";
const AGAIN: &str = "its migration gives another catalogue when it is applied after it";

impl Stage {
    /// What the scratch database is made of now.
    pub async fn catalogue(&mut self) -> Result<Vec<Thing>, Error> {
        Ok(catalogue::snapshot(self.connection()).await?)
    }

    /// Takes back `migration`, which was performed last, and performs it again. `before`: the catalogue before it was
    /// performed for the first time. Does nothing for a migration without a down file.
    pub async fn back_and_again(&mut self, migration: &Migration, before: &[Thing]) -> Result<(), Error> {
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

    /// Takes back `migration`, which was performed last.
    pub(crate) async fn take_back(&mut self, migration: &Migration, before: &[Thing]) -> Result<(), Error> {
        let Some(down) = &migration.down else { return Ok(()) };
        self.perform(&migration.version, down).await?;
        let back = self.catalogue().await?;
        same(migration, BACK, before, &back)
    }

    /// Performs migrations one after another. Returns the catalogue of before each of them.
    pub(crate) async fn perform_all(&mut self, migrations: &[&Migration]) -> Result<Vec<Vec<Thing>>, Error> {
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
    wanted: &[Thing],
    found: &[Thing],
) -> Result<(), Error> {
    let differences = compare(wanted, found);
    if differences.is_empty() {
        return Ok(());
    }
    let file = migration.down.as_ref().map_or_else(String::new, |down| down.file.clone());
    Err(Error::NotReversed { file, problem, differences })
}
