//! Selection of a backup, by name or as `latest`.

use crate::{BackupState, Config, Error, ListedBackup, Name, Origin};

/// Name that stands for the newest suitable backup.
pub const LATEST: &str = "latest";

/// A backup that was selected by name or as `latest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenBackup {
    /// Name of the backup, which is in the local store.
    pub name: Name,
    /// Newer backups that `latest` skipped, each with the reason on a line.
    pub passed_over: Vec<String>,
}

impl Config {
    /// Selects the backup with this name. `latest` is the newest one that has not failed and that no other command
    /// took. An interrupted restore has taken a backup of the present state; `latest` must not change because of
    /// it.
    ///
    /// A backup that exists in a remote store only is fetched.
    pub async fn choose(&self, wanted: &str) -> Result<ChosenBackup, Error> {
        let entries = self.backups_everywhere().await?;
        if wanted != LATEST {
            let name = self.fetched(&named(&entries, wanted)?).await?;
            return Ok(ChosenBackup { name, passed_over: Vec::new() });
        }
        if entries.is_empty() {
            return Err(Error::None);
        }
        let mut passed_over = Vec::new();
        for entry in &entries {
            let why = match unfit(entry) {
                Some(why) => why,
                None => match self.brought(entry).await? {
                    None => return Ok(ChosenBackup { name: entry.name.clone(), passed_over }),
                    Some(failure) => failure,
                },
            };
            passed_over.push(format!("{}: {why}", entry.name));
        }
        Err(Error::NoLatest(passed_over))
    }

    /// Like [`choose`](Self::choose), but returns the name only.
    pub async fn bring(&self, wanted: &str) -> Result<Name, Error> {
        Ok(self.choose(wanted).await?.name)
    }

    /// Selects the backup to verify. `latest` is the newest one that no other command took, even if it failed: it
    /// may have been repaired.
    pub async fn bring_to_verify(&self, wanted: &str) -> Result<Name, Error> {
        let entries = self.backups_everywhere().await?;
        let found = if wanted == LATEST {
            let meant = entries.iter().find(|entry| entry.origin != Origin::Command);
            meant.or(entries.first()).ok_or(Error::None)?.clone()
        } else {
            named(&entries, wanted)?
        };
        self.fetched(&found).await
    }

    /// Finds a backup in the local store; `latest` means the same as for [`choose`](Self::choose).
    pub fn find(&self, wanted: &str) -> Result<Name, Error> {
        let entries = self.backups()?;
        if wanted != LATEST {
            return Ok(named(&entries, wanted)?.name);
        }
        let found = entries.iter().find(|entry| unfit(entry).is_none());
        found.map(|entry| entry.name.clone()).ok_or_else(|| none(&entries))
    }

    /// Fetches a backup that is in a remote store only; returns the failure found afterwards, if any.
    async fn brought(&self, entry: &ListedBackup) -> Result<Option<String>, Error> {
        self.fetched(entry).await?;
        Ok(if entry.standing == BackupState::Away { self.entry(entry.name.clone()).failure } else { None })
    }

    async fn fetched(&self, entry: &ListedBackup) -> Result<Name, Error> {
        if entry.standing == BackupState::Away {
            for remote in &self.remotes {
                if remote.names().await?.contains(&entry.name) {
                    Box::pin(remote.fetch(&self.local, &entry.name)).await?;
                    break;
                }
            }
        }
        Ok(entry.name.clone())
    }
}

fn named(entries: &[ListedBackup], wanted: &str) -> Result<ListedBackup, Error> {
    let wanted: Name = wanted.parse()?;
    let found = entries.iter().find(|entry| entry.name == wanted);
    found.cloned().ok_or_else(|| Error::NoSuch(wanted.to_string()))
}

fn none(entries: &[ListedBackup]) -> Error {
    if entries.is_empty() {
        return Error::None;
    }
    let why = |entry: &ListedBackup| Some(format!("{}: {}", entry.name, unfit(entry)?));
    Error::NoLatest(entries.iter().filter_map(why).collect())
}

/// Reason why `latest` skips this backup.
fn unfit(entry: &ListedBackup) -> Option<String> {
    match (&entry.failure, entry.origin) {
        (Some(failure), _) => Some(format!("it failed: {failure}")),
        (None, Origin::Command) => {
            Some("another command took it, of the state before or after it".to_owned())
        }
        _ => None,
    }
}
